import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  Expectation,
  PlannedStack,
  Preview,
  StagePreview,
  Sum,
} from "../../../../lib/preview/preview-schema.ts";
import { type Paint, renderTree } from "../../../../lib/preview/terminal.ts";
import {
  sampleCause as cause,
  dueTest,
  samplePreview,
  stackPreview,
  stagePreview,
} from "../../../support/preview.ts";

const bare: Paint = (_, text) => text;
const marked: Paint = (look, text) => `<${look}>${text}</>`;
const tree = (stacks: Preview["stacks"], more: Partial<Preview> = {}, paint = bare) =>
  renderTree(samplePreview(stacks, more), paint);
/** The lines of one stack below what is known of all of it. */
const below = (more: Partial<PlannedStack>, others: Preview["stacks"] = []) =>
  (tree([stackPreview("dev", { verdict: "changed", ...more }), ...others]).split("\n\n")[0] ?? "")
    .split("\n")
    .slice(3);

const expected: Expectation = {
  ...{ seconds: 46, range: [46, 46], bytes: 553e6, basis: "generation", builds: 3, sure: "high" },
};
const rebuilt = (name: string, more: Partial<StagePreview> = {}) =>
  stagePreview(name, { verdict: "rebuild", ...more });
const platform = "  starter for ada (8.9); CUDA 13.0, driver 580.65.06 or newer";

test("a stack in which nothing happens is told by its platform and what it is compared with", () => {
  assert.equal(
    tree([stackPreview("dev")]),
    ["dev  unchanged", platform, "  compared with its last update", "  size: not known"].join("\n"),
  );
});

test("a stack that fails says why, line by line", () => {
  const failed = { stack: "dev", verdict: "failed", problem: "no lock\nRun it." } as const;
  assert.equal(tree([failed]), "dev  failed\n  no lock\n  Run it.");
  assert.equal(tree([failed], {}, marked).split("\n")[0], "<strong>dev</>  <bad>failed</>");
});

test("a preview says what it compares with", () => {
  const compared = (comparedWith: PlannedStack["comparedWith"]) =>
    tree([stackPreview("dev", { comparedWith })]).split("\n")[2];
  assert.equal(compared({ kind: "outputs" }), "  compared with its last update");
  assert.equal(
    compared({ kind: "revision", revision: "0123456789abcdef" }),
    "  compared with revision 0123456789",
  );
  assert.equal(compared({ kind: "nothing", why: "it is new" }), "  compared with nothing: it is new");
});

test("facts are told where there are any, each in its line", () => {
  const stack = stackPreview("dev", {
    verdict: "changed",
    counts: { create: 0, rebuild: 1, unchanged: 0, remove: 0 },
    expected: { longest: 46, all: 46, bytes: 553e6, unknown: [], sure: "high" },
    size: { before: 2e9, after: 2e9, sure: "high" },
    test: dueTest,
    promoted: { digest: `sha256:${"d".repeat(64)}`, tags: [] },
    evidence: {
      ...{ verdict: "pass", digest: null, passed: 1, failed: 0, skipped: 0, inconclusive: 0 },
      ...{ gpu: null, driver: null, at: null },
    },
    engine: { counts: { update: 2, same: 5 }, images: [] },
  });
  const facts = [
    "  compared with its last update",
    "  expected: about 46s, 553 MB",
    "  size: 2 GB",
    "  test: gpu.test",
    "  promoted: sha256:dddddddddddd…",
    "  evidence: pass: 1 passed (no GPU)",
    "  pulumi: 2 update, 5 same",
  ];
  assert.equal(tree([stack]), ["dev  1 rebuild", platform, ...facts].join("\n"));
  assert.deepEqual(tree([stack], {}, marked).split("\n").slice(0, 2), [
    "<strong>dev</>  <changed>1 rebuild</>",
    `<quiet>${platform}</>`,
  ]);
});

test("changed stages come with their reasons, then what is kept, settings, locks and notes", () => {
  const lines = below({
    stages: [
      rebuilt("torch", { expected, causes: [cause("file", "a.sh"), cause("parent", "cuda")] }),
      stagePreview("cuda"),
      stagePreview("python"),
    ],
    settings: [cause("tag", "latest", null)],
    packages: [{ name: "numpy", before: "1", after: "2" }],
    nodes: [{ name: "o/n", before: null, after: "f".repeat(40), link: null }],
    models: [{ name: "clip", before: "e".repeat(40), after: null }],
    pins: [{ name: "debian", before: "d".repeat(40), after: "c".repeat(40) }],
    notes: ["look"],
  });
  assert.deepEqual(lines.slice(1), [
    "├─ torch   rebuild    46s, 553 MB (3 builds)",
    "│    file a.sh changed",
    "│    parent cuda changed",
    "├─ unchanged  cuda, python",
    "├─ settings",
    "│    tag latest is new",
    "├─ locks ",
    "│    numpy 1 → 2",
    "│    o/n ffffffffff is new",
    "│    clip eeeeeeeeee is gone",
    "│    debian dddddddddd → cccccccccc",
    "└─ note: look",
  ]);
});

test("several parents that changed are one line, after the stage's own reasons", () => {
  const parents = [cause("parent", "cuda"), cause("file", "a.sh"), cause("parent", "python")];
  assert.deepEqual(below({ stages: [rebuilt("torch", { causes: parents, atMost: true })] }).slice(1), [
    "└─ torch  rebuild    only if a parent comes out different",
    "     file a.sh changed",
    "     parents changed: cuda, python",
  ]);
});

test("a stage of several stacks is built once, unless one of them has it already", () => {
  const others = ["a", "b"].map((name) => stackPreview(name));
  const line = (more: Partial<StagePreview>) =>
    below({ stages: [rebuilt("torch", more)] }, others)
      .at(1)
      ?.slice("└─ torch  rebuild    ".length);
  assert.equal(
    line({ sharedWith: ["a", "b"], expected }),
    "46s, 553 MB (3 builds); built once for all stacks",
  );
  assert.equal(line({ sharedWith: ["a"] }), "built once with a");
  assert.equal(line({}), "");
  const built = { ...expected, basis: "built" } as const;
  assert.equal(line({ sharedWith: ["a"], expected: built }), "built already for another stack");
});

test("every verdict has its look", () => {
  const verdicts = ["create", "rebuild", "remove"] as const;
  const stages = [...verdicts.map((verdict) => stagePreview("x", { verdict })), stagePreview("y")];
  const stack = stackPreview("dev", { verdict: "changed", stages, notes: ["look"] });
  assert.deepEqual(tree([stack], {}, marked).split("\n").slice(4), [
    "├─ x  <good>create   </>  <quiet></>",
    "├─ x  <changed>rebuild  </>  <quiet></>",
    "├─ x  <gone>remove   </>  <quiet></>",
    "├─ <quiet>unchanged  y</>",
    "└─ <bad>note: look</>",
  ]);
});

test("several stacks end with what they share and what all of them take", () => {
  const end = (more: Partial<Preview>, stacks = [stackPreview("a"), stackPreview("b")]) =>
    tree(stacks, more).split("\n\n").slice(stacks.length).join("\n\n");
  const sum: Sum = { longest: 0, all: 0, bytes: 0, unknown: [], sure: "none" };
  const shared = ["torch", "cuda"].map((stage) => ({ stage, key: stage, stacks: ["a", "b"] }));
  const taken: Sum = { ...sum, longest: 46, all: 46, sure: "high" };
  assert.equal(end({}), "");
  assert.equal(end({ shared, expected: taken }), "built once for a, b: torch, cuda\nall together: about 46s");
  assert.equal(
    end({ expected: { ...sum, unknown: ["x", "y"] } }),
    "all together: not known; no history for 2 stages",
  );
  assert.equal(
    end({ expected: { ...taken, unknown: ["x"] } }),
    "all together: about 46s; no history for 1 stages",
  );
  assert.equal(
    end({ shared, expected: taken }, [stackPreview("a")]),
    "",
    "one stack alone has told everything",
  );
  const due: PlannedStack["test"] = {
    ...{
      ...dueTest,
      kind: "aws",
      where: "x",
      dollarsPerHour: 1,
      minutes: 20,
      dollars: 0.5,
      basis: "estimate",
    },
  };
  const tested = [stackPreview("a", { test: due }), stackPreview("b", { test: due })];
  assert.equal(end({}, tested), "tests: about $1.00");
});
