import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Cause } from "../../../../lib/plan/stage-changes.ts";
import { causesOf } from "../../../../lib/preview/causes.ts";
import { fit } from "../../../../lib/preview/fit.ts";
import { renderMarkdown } from "../../../../lib/preview/markdown.ts";
import type { PlannedStack, Preview } from "../../../../lib/preview/preview-schema.ts";
import { renderGraph } from "../../../../lib/preview/stage-graph.ts";
import { samplePreview, stackPreview, stagePreview } from "../../../support/preview.ts";

/** What GitHub takes. */
const LIMIT = 65_536;
const stackNames = ["ada", "ampere", "blackwell", "hopper", "turing", "universal"];

/** A stack of so many stages that all change, each for a reason of its own, and for one that all have. */
function changedStack(stack: string, stages: number, causeOf: (stage: number) => Cause[]): PlannedStack {
  return stackPreview(stack, {
    verdict: "changed",
    counts: { create: 0, rebuild: stages, unchanged: 0, remove: 0 },
    stages: Array.from({ length: stages }, (_, index) =>
      stagePreview(`layer-${index}`, {
        verdict: "rebuild",
        parents: index > 0 ? [`layer-${index - 1}`] : [],
        causes: causeOf(index),
        sharedWith: stackNames.filter((name) => name !== stack),
      }),
    ),
    packages: Array.from({ length: 80 }, (_, index) => ({
      name: `package-${index}`,
      before: "1.0",
      after: "2.0",
    })),
  });
}

const file = (name: string): Cause => ({ kind: "file", name, before: "1", after: "2" });

test("six stacks with sixty changed stages each: under the limit, every verdict and every cause", () => {
  const stacks = stackNames.map((name) =>
    changedStack(name, 60, (index) => [
      file(`layers/layer-${index}/only-in-${name}.sh`),
      { kind: "argument", name: `VALUE_${index}`, before: "1", after: name },
      file("layers/shared/finish.sh"),
    ]),
  );
  const preview = samplePreview([
    ...stacks,
    { stack: "broken", verdict: "failed", problem: "a lock is missing" },
  ]);
  const text = renderMarkdown(preview, LIMIT, {
    artifact: "https://github.com/o/n/actions/runs/1#artifacts",
  });
  assert.ok(text.length <= LIMIT, `${text.length}`);
  for (const name of stackNames) assert.match(text, new RegExp(`\\| \`${name}\` \\| :\\w+: 60 rebuilds \\|`));
  assert.match(text, /\| `broken` \| :x: failed \|/);
  assert.match(text, /a lock is missing/);
  const causes = causesOf(preview);
  assert.equal(causes.length, 1 + 60 * 6 * 2);
  for (const { cause } of causes) assert.ok(text.includes(`${cause.kind} \`${cause.name}\``), cause.name);
  assert.match(text, /file `layers\/shared\/finish\.sh`/);
  assert.match(
    text,
    /Shortened .*\[the complete result\]\(https:\/\/github\.com\/o\/n\/actions\/runs\/1#artifacts\)/,
  );
});

test("a small change is told in full: causes, details, packages, graph", () => {
  const preview = samplePreview([changedStack("ada", 2, (index) => (index === 0 ? [file("layers/a")] : []))]);
  const text = renderMarkdown(preview, LIMIT);
  assert.match(text, /^- file `layers\/a` changed: `layer-0`$/m);
  assert.match(text, /<details><summary><b>ada<\/b>: 2 rebuilds<\/summary>/);
  assert.match(text, /^\| `package-79` \| `1\.0` \| `2\.0` \| moved \|$/m);
  assert.match(text, /```mermaid\nflowchart LR/);
  assert.ok(!text.includes("Shortened"));
  assert.equal(text, renderMarkdown(preview));
});

test("however large a preview is, its comment stays under the limit and begins with the verdicts", () => {
  const causes = Array.from({ length: 400 }, (_, index) => file(`${"very/".repeat(20)}${index}`));
  const stacks = stackNames.map((name) =>
    changedStack(name, 300, (stage) => (stage < 20 ? causes : causes.slice(-1))),
  );
  const failed = stackNames.map((name): Preview["stacks"][number] => ({
    stack: `${name}-failed`,
    verdict: "failed",
    problem: "x".repeat(100_000),
  }));
  const text = renderMarkdown(samplePreview([...stacks, ...failed]), LIMIT);
  assert.ok(text.length <= LIMIT);
  for (const name of stackNames)
    assert.ok(text.includes(`\`${name}\``) && text.includes(`\`${name}-failed\``));
});

test("what a pull request writes stays text in the comment", () => {
  const nasty =
    "</summary><script>alert(1)</script> @octocat `x` | [a](javascript:b)\n<!-- strata-preview -->";
  const preview = samplePreview([
    {
      ...changedStack(nasty, 1, () => [
        file(nasty),
        { kind: "argument", name: "A", before: null, after: nasty },
      ]),
      packages: [{ name: nasty, before: nasty, after: nasty }],
      nodes: [{ name: nasty, before: null, after: nasty, link: nasty }],
      notes: [nasty],
    },
    { stack: nasty, verdict: "failed", problem: `\`\`\`\n${nasty}` },
  ]);
  const text = renderMarkdown(preview, LIMIT);
  const outside = withoutCode(text);
  assert.ok(!outside.includes("<script"), outside);
  assert.ok(!outside.includes("@octocat"), outside);
  assert.ok(!outside.includes("](javascript"), outside);
  assert.ok(!outside.includes("<!--"), outside);
  assert.equal(outside.match(/<\/summary>/g)?.length, outside.match(/<details>/g)?.length);
});

/** A Markdown text without its code spans and blocks, by the rule that a fence ends at the same fence. */
function withoutCode(text: string): string {
  return text
    .replace(/^(`{3,})[^`\n]*\n[\s\S]*?\n\1$/gm, "")
    .replace(/(?<!`)(`+)(?!`)([\s\S]*?[^`])\1(?!`)/g, "");
}

test("reasons are told once each, those that change most first; parents are no reasons", () => {
  const parent: Cause = { kind: "parent", name: "toolbox", before: "1", after: "2" };
  const preview = samplePreview([
    changedStack("ada", 3, (index) => [file("all"), parent, ...(index === 0 ? [file("one")] : [])]),
    // The product's file has another hash in every stack.
    changedStack("hopper", 2, () => [{ ...file("all"), before: "3", after: "4" }]),
  ]);
  assert.deepEqual(
    causesOf(preview).map(({ cause, count, stages }) => [cause.name, count, [...stages.keys()]]),
    [
      ["all", 5, ["ada", "hopper"]],
      ["one", 1, ["ada"]],
    ],
  );
});

test("a graph marks what changes, draws a stage of many stacks once, and shrinks before it grows too large", () => {
  const kept = stagePreview("python");
  const product = stagePreview("starter", {
    role: "product",
    verdict: "rebuild",
    parents: ["python", "torch"],
  });
  const stack = (name: string, verdict: "rebuild" | "unchanged") =>
    stackPreview(name, { stages: [kept, stagePreview("torch", { verdict, causes: [file("x")] }), product] });
  const graph = renderGraph(samplePreview([stack("ada", "rebuild"), stack("cpu", "unchanged")])) ?? "";
  assert.match(
    graph,
    /n0\["python"\]:::unchanged\n {2}n1\["torch \(1 of 2\)"\]:::rebuild\n {2}n2\[\["starter"\]\]:::rebuild/,
  );
  assert.match(graph, /n1 ==> n2/);
  assert.equal(renderGraph(samplePreview([stackPreview("same", { stages: [kept] })])), null);
  const large = renderGraph(
    samplePreview([changedStack("large", 200, (index) => (index < 3 ? [file("x")] : []))]),
  );
  assert.deepEqual(large?.match(/n\d+\[/g)?.length, 3);
});

test("sections keep their longest form as far as there is room, the most important first", () => {
  const section = (importance: number, ...forms: string[]) => ({ importance, forms });
  const sections = [section(1, "aaaa", "a", ""), section(2, "bbbb", "b")];
  assert.deepEqual(fit(sections, 100), { text: "aaaa\n\nbbbb", shortened: false });
  assert.deepEqual(fit(sections, 8), { text: "a\n\nbbbb", shortened: true });
  assert.deepEqual(fit(sections, 5), { text: "bbbb", shortened: true });
  assert.deepEqual(fit(sections, 1), { text: "b", shortened: true });
});

test("where not even the shortest forms fit, the least important section goes first", () => {
  const section = (importance: number, text: string) => ({ importance, forms: [text] });
  const sections = [section(2, "bbbb"), section(1, "aaaa"), section(3, "cccc")];
  assert.deepEqual(fit(sections, 10), { text: "bbbb\n\ncccc", shortened: true });
  assert.deepEqual(fit(sections, 4), { text: "cccc", shortened: true });
});

test("what is fitted is never longer than the limit", () => {
  const form = fc.string({ maxLength: 60 });
  const section = fc.record({ importance: fc.nat(5), forms: fc.array(form, { minLength: 1, maxLength: 4 }) });
  fc.assert(
    fc.property(fc.array(section, { minLength: 1, maxLength: 6 }), fc.nat(200), (sections, limit) => {
      assert.ok(fit(sections, limit).text.length <= limit);
    }),
  );
});
