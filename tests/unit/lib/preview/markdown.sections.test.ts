import assert from "node:assert/strict";
import { test } from "node:test";
import { renderMarkdown } from "../../../../lib/preview/markdown.ts";
import type { Preview, Sum } from "../../../../lib/preview/preview-schema.ts";
import { samplePreview, stackPreview } from "../../../support/preview.ts";

const sum: Sum = { longest: 0, all: 0, bytes: 0, unknown: [], sure: "none" };
const failed = { stack: "broken", verdict: "failed", problem: "no lock" } as const;
const sections = (
  stacks: Preview["stacks"],
  more: Partial<Preview> = {},
  limit?: number,
  artifact?: string,
) => renderMarkdown(samplePreview(stacks, more), limit, { artifact }).split("\n\n");

test("the summary has a row for each stack, with all that decides whether to look closer", () => {
  const changed = stackPreview("dev", {
    verdict: "changed",
    counts: { create: 0, rebuild: 1, unchanged: 0, remove: 0 },
    expected: { ...sum, longest: 46, all: 46, sure: "high" },
    size: { before: 2e9, after: 2e9, sure: "high" },
  });
  assert.deepEqual(sections([stackPreview("same"), changed, failed]).slice(0, 2), [
    "### Preview",
    [
      "| stack | next update | expected | size | test | runs on | evidence of what is promoted |",
      "| --- | --- | --- | --- | --- | --- | --- |",
      "| `same` | :white_check_mark: unchanged |  | `not known` | `not due` | `ada, driver 580.65.06` | `none` |",
      "| `dev` | :building_construction: 1 rebuild | `about 46s` | `2 GB` | `not due` | `ada, driver 580.65.06` | `none` |",
      "| `broken` | :x: failed |  |  |  |  |  |",
    ].join("\n"),
  ]);
});

test("why a stack fails is told, and cut where there is no room for all of it", () => {
  const told = (problem: string, limit?: number) => sections([{ ...failed, problem }], {}, limit).slice(2, 4);
  assert.deepEqual(told("no lock"), [":x: `broken` cannot be previewed:", "```text\nno lock\n```"]);
  const most = "x".repeat(4_000);
  assert.equal(told(most)[1], `\`\`\`text\n${most}\n\`\`\``);
  assert.equal(told(`${most}y`)[1], `\`\`\`text\n${most}…\n\`\`\``);
  assert.equal(told(most, 2_500)[1], `\`\`\`text\n${"x".repeat(1_000)}…\n\`\`\``);
  assert.equal(told(most, 1_200)[1], `\`\`\`text\n${"x".repeat(300)}…\n\`\`\``);
});

test("several stacks tell what they share and what all of them take", () => {
  const three = ["a", "b", "c"].map((name) => stackPreview(name));
  const shared = [
    { stage: "torch", key: "1", stacks: ["a", "b", "c"] },
    { stage: "cuda", key: "2", stacks: ["a", "b", "c"] },
    { stage: "llama", key: "3", stacks: ["a", "b"] },
  ];
  const taken: Sum = { ...sum, longest: 46, all: 46, sure: "high" };
  const together = (more: Partial<Preview>, stacks: Preview["stacks"] = three) =>
    sections(stacks, more).slice(2, -1);
  assert.deepEqual(together({ shared, expected: taken }), [
    [
      "- Built once for all stacks: `torch`, `cuda`",
      "- Built once for `a`, `b`: `llama`",
      "- All together: about 46s",
    ].join("\n"),
  ]);
  assert.deepEqual(together({}), []);
  const unknown = ["x", "y"];
  assert.deepEqual(together({ expected: { ...sum, unknown } }), [
    "- All together: not known (no history for 2 stages)",
  ]);
  assert.deepEqual(together({ expected: { ...taken, unknown } }), [
    "- All together: about 46s (no history for 2 stages)",
  ]);
  assert.deepEqual(
    together({ shared, expected: taken }, three.slice(0, 1)),
    [],
    "one alone has told everything",
  );
  assert.equal(together({ shared, expected: taken }, three.slice(0, 2)).length, 1);
});

test("the last line says which inputs it is of, and where the rest is", () => {
  const page = "https://github.com/o/n/actions/runs/1#artifacts";
  const link = `[the complete result](${page})`;
  const last = (more: Partial<Preview>, limit?: number, artifact?: string) =>
    sections([{ ...failed, problem: "x".repeat(900) }], more, limit, artifact).slice(4);
  assert.deepEqual(last({ revision: "abc" }), ["<sub>Inputs of `abc`.</sub>"]);
  assert.deepEqual(last({ revision: null }), ["<sub>Not a git checkout.</sub>"]);
  assert.deepEqual(last({ revision: "abc" }, undefined, page), [`<sub>Inputs of \`abc\`. ${link}.</sub>`]);
  const cut = ":scissors: Shortened to what a comment can hold;";
  assert.deepEqual(last({ revision: "abc" }, 1_200), [
    `${cut} the complete result is in the run's artifacts.`,
    "<sub>Inputs of `abc`.</sub>",
  ]);
  assert.deepEqual(last({ revision: "abc" }, 1_200, page), [
    `${cut} ${link} has the rest.`,
    "<sub>Inputs of `abc`.</sub>",
  ]);
});
