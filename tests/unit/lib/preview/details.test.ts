import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cause } from "../../../../lib/plan/stage-changes.ts";
import { detailForms, table } from "../../../../lib/preview/details.ts";
import type { Expectation, PlannedStack, StagePreview } from "../../../../lib/preview/preview-schema.ts";
import { dueTest, stackPreview, stagePreview } from "../../../support/preview.ts";

const cause = (kind: string, name: string): Cause => ({ kind, name, before: "1", after: "2" });
const expected: Expectation = {
  ...{ seconds: 46, range: [46, 46], bytes: 553e6, basis: "generation", builds: 3, sure: "high" },
};
const changed = (more: Partial<PlannedStack> = {}) =>
  stackPreview("dev", {
    verdict: "changed",
    counts: { create: 0, rebuild: 1, unchanged: 0, remove: 0 },
    ...more,
  });
const platform = "- `starter for ada (8.9); CUDA 13.0, driver 580.65.06 or newer`";
/** The lines of the longest form between its summary and its end. */
const parts = (more: Partial<PlannedStack>) =>
  (detailForms(changed(more))[0] ?? "").split("\n\n").slice(1, -1);
const facts = (more: Partial<PlannedStack>) => (parts(more)[0] ?? "").split("\n").slice(1);
/** The cells of the only stage. */
const row = (more: Partial<StagePreview>) =>
  (parts({ stages: [stagePreview("torch", { verdict: "rebuild", ...more })] })[1] ?? "").split("\n").at(2);

test("a stack in which nothing happens has no details, unless there is a note", () => {
  assert.deepEqual(detailForms(stackPreview("dev")), [""]);
  assert.match(detailForms(stackPreview("dev", { notes: ["look"] }))[0] ?? "", /\n- :warning: `look`\n/);
});

test("details shrink from all there is to names, and to nothing", () => {
  const stages = [
    stagePreview("torch", { verdict: "rebuild", expected, causes: [cause("file", "a.sh")] }),
    stagePreview("old", { verdict: "remove" }),
    stagePreview("kept"),
  ];
  const forms = detailForms(changed({ stages, packages: [{ name: "numpy", before: "1", after: "2" }] }));
  const summary = "<details><summary><b>dev</b>: 1 rebuild</summary>\n\n";
  const told = `${summary}${platform}\n- Compared with what its last update left.\n\n`;
  const why = [
    "| stage |  | expected | why |",
    "| --- | --- | --- | --- |",
    "| `torch` | rebuild | `46s, 553 MB (3 builds)` | file `a.sh` changed |",
    "| `old` | remove |  |  |",
  ].join("\n");
  const bare = [
    "| stage |  | expected |",
    "| --- | --- | --- |",
    "| `torch` | rebuild | `46s, 553 MB (3 builds)` |",
    "| `old` | remove |  |",
  ].join("\n");
  const moves =
    "**Packages**\n\n| name | before | after |  |\n| --- | --- | --- | --- |\n| `numpy` | `1` | `2` | moved |";
  const end = "\n\n</details>";
  assert.deepEqual(forms, [
    `${told}${why}\n\n${moves}${end}`,
    `${told}${why}${end}`,
    `${told}${bare}${end}`,
    `${summary}\`torch\` rebuild, \`old\` remove${end}`,
    "",
  ]);
});

test("facts are told where there are any", () => {
  const compared = (comparedWith: PlannedStack["comparedWith"]) => facts({ comparedWith })[0];
  assert.equal(
    compared({ kind: "revision", revision: "0123456789abc" }),
    "- Compared with revision `0123456789`.",
  );
  assert.equal(compared({ kind: "nothing", why: "it is new" }), "- Compared with nothing: `it is new`.");
  const evidence = {
    ...{ verdict: "pass", digest: null, passed: 1, failed: 0, skipped: 0, inconclusive: 0 },
    ...{ gpu: null, driver: null, at: null },
  };
  const digest = `sha256:${"d".repeat(64)}`;
  assert.deepEqual(
    facts({
      expected: { longest: 46, all: 46, bytes: 0, unknown: [], sure: "high" },
      test: dueTest,
      promoted: { digest, tags: ["a", "b"] },
      evidence,
      settings: [cause("tag", "x"), cause("checks", "smoke/")],
      engine: { counts: { update: 2, same: 5 }, images: [] },
      notes: ["look", "there"],
    }),
    [
      "- Compared with what its last update left.",
      "- Expected: `about 46s`.",
      "- Test: `gpu.test`.",
      "- Promoted: `sha256:dddddddddddd…` as `a`, `b`; evidence `pass: 1 passed (no GPU)`.",
      "- Settings: tag `x`: `1` → `2`; checks `smoke/` changed.",
      "- Pulumi: `2 update, 5 same`.",
      "- :warning: `look`",
      "- :warning: `there`",
    ],
  );
  assert.equal(
    facts({ promoted: { digest, tags: [] }, evidence: null })[1],
    "- Promoted: `sha256:dddddddddddd…`; evidence `none`.",
  );
});

test("a stage says why it is built: its own reasons, its parents, who shares it", () => {
  const head = "| `torch` | rebuild |  | ";
  const parents = [cause("parent", "cuda"), cause("parent", "python")];
  assert.equal(
    row({ causes: [...parents, cause("file", "a")] }),
    `${head}file \`a\` changed<br>\`cuda\` \`python\` |`,
  );
  assert.equal(row({ causes: parents, atMost: true }), `${head}if different: \`cuda\` \`python\` |`);
  assert.equal(row({ sharedWith: ["a", "b"] }), `${head}built once with \`a\` \`b\` |`);
  assert.match(
    row({ sharedWith: ["a"], expected: { ...expected, basis: "built" } }) ?? "",
    /another stack` \| {2}\|$/,
  );
  assert.equal(row({ verdict: "create" }), "| `torch` | create |  | new |");
  assert.equal(
    row({ verdict: "create", causes: [cause("file", "a")] }),
    "| `torch` | create |  | file `a` changed |",
  );
  const many = (count: number) => Array.from({ length: count }, (_, index) => cause("file", `f${index}`));
  assert.match(row({ causes: many(12) }) ?? "", /file `f11` changed \|$/);
  assert.match(row({ causes: many(14) }) ?? "", /file `f11` changed<br>and 2 more \|$/);
});

test("each kind of move has its table, and a commit a page to look at", () => {
  const hash = "a".repeat(40);
  const page = "https://github.com/o/n/compare/aaaaaaaaaa...bbbbbbbbbb";
  const tables = parts({
    nodes: [
      { name: "o/n", before: hash, after: "2", link: page },
      { name: "p|q", before: null, after: hash, link: null },
    ],
    models: [{ name: "clip", before: "1", after: null }],
    pins: [{ name: "debian", before: "1", after: "2" }],
  }).slice(1);
  const head = "| name | before | after |  |\n| --- | --- | --- | --- |";
  assert.deepEqual(tables, [
    "**Nodes**",
    `${head}\n| \`o/n\` | \`aaaaaaaaaa\` | \`2\` | [compare](${page}) |\n| \`p\\|q\` |  | \`aaaaaaaaaa\` | new |`,
    "**Models**",
    `${head}\n| \`clip\` | \`1\` |  | gone |`,
    "**Pins**",
    `${head}\n| \`debian\` | \`1\` | \`2\` | moved |`,
  ]);
});

test("a table has its head, a line below it and its rows", () => {
  assert.equal(table(["a", "b"], ["1 | 2"]), "| a | b |\n| --- | --- |\n| 1 | 2 |");
});
