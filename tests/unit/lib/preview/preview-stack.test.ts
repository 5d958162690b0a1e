import assert from "node:assert/strict";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import type { History } from "../../../../lib/preview/build-history.ts";
import type { NextStack, PreviousStack } from "../../../../lib/preview/preview-stack.ts";
import { noPreviousStack } from "../../../../lib/preview/previous-stack.ts";
import { lazily } from "../../../support/lazily.ts";
import { builtFrom, onlyPlanned, plannedBy, previewOf } from "../../../support/preview.ts";

const ada = lazily(() => plannedBy(repository, { generation: "ada" }, { stack: "ada" }));
const hopper = lazily(() => plannedBy(repository, { generation: "hopper" }, { stack: "hopper" }));
const attempt = (planned: NextStack, previous: PreviousStack) => ({
  stack: planned.stack,
  planned,
  previous,
  engine: null,
});
const unknown = () => noPreviousStack("never updated");

/** What a stage took in one earlier build. */
function historyOf(builds: Readonly<Record<string, { seconds: number; bytes: number }>>): History {
  return {
    format: 1,
    builds: Object.entries(builds).map(([stage, taken]) => ({
      stage,
      key: "another",
      recipe: "starter",
      generation: "ada",
      at: "2026-01-01T00:00:00.000Z",
      ...taken,
    })),
  };
}

test("a stack as its last update left it is unchanged, and its size is known", () => {
  const stack = onlyPlanned(previewOf([attempt(ada(), builtFrom(ada(), 100))]));
  assert.equal(stack.verdict, "unchanged");
  assert.deepEqual(stack.counts, {
    create: 0,
    rebuild: 0,
    unchanged: ada().plan.stages.length + 1,
    remove: 0,
  });
  assert.deepEqual(stack.size, { before: 900, after: 900, sure: "high" });
  assert.deepEqual(stack.expected, { longest: 0, all: 0, bytes: 0, unknown: [], sure: "none" });
});

test("stages with the same key are built once for all stacks that need them", () => {
  const { stacks, shared, expected } = previewOf([attempt(ada(), unknown()), attempt(hopper(), unknown())]);
  const own = ["llama-cpp", "runtime", "starter"];
  assert.deepEqual(
    shared.map(({ stage, stacks: sharers }) => [stage, sharers]),
    ada()
      .plan.stages.map(({ name }) => name)
      .filter((name) => !own.includes(name))
      .map((name) => [name, ["ada", "hopper"]]),
  );
  for (const stack of stacks) {
    assert.ok(stack.verdict === "new");
    const other: string = stack.stack === "ada" ? "hopper" : "ada";
    for (const { name, sharedWith } of stack.stages) {
      assert.deepEqual(sharedWith, own.includes(name) ? [] : [other], name);
    }
  }
  // Shared ones count once: all stages of ada, and those that hopper has of its own.
  assert.equal(expected.unknown.length, ada().plan.stages.length + own.length - 1);
  assert.equal(expected.sure, "none");
});

test("a stage that another stack has already takes no time, and brings its size", () => {
  const { stacks, shared } = previewOf([attempt(hopper(), unknown()), attempt(ada(), builtFrom(ada(), 100))]);
  const [stack] = stacks;
  assert.ok(stack?.verdict === "new");
  const torch = stack.stages.find(({ name }) => name === "torch");
  assert.deepEqual(
    [torch?.expected?.basis, torch?.expected?.seconds, torch?.expected?.bytes],
    ["built", 0, 100],
  );
  assert.deepEqual(shared, []);
  assert.deepEqual(stack.expected.unknown, ["llama-cpp", "runtime"]);
});

test("what lies in another registry, or was only planned, is not taken to be built", () => {
  const elsewhere = { ...hopper(), repository: "127.0.0.1:5000/other" };
  const planned = { ...builtFrom(ada(), 100), comparedWith: { kind: "revision", revision: "r" } as const };
  for (const attempts of [
    [attempt(elsewhere, unknown()), attempt(ada(), builtFrom(ada(), 100))],
    [attempt(hopper(), unknown()), attempt(ada(), planned)],
  ]) {
    const [stack] = previewOf(attempts).stacks;
    assert.ok(stack?.verdict === "new");
    const basisOf = (role: string) => (role === "product" ? "manifest" : "none");
    assert.ok(stack.stages.every(({ role, expected }) => expected?.basis === basisOf(role ?? "")));
  }
});

test("a stage that only follows its parents may come from the cache after all", () => {
  const moved = {
    ...ada(),
    plan: {
      ...ada().plan,
      stages: ada().plan.stages.map((stage) =>
        stage.name === "python"
          ? { ...stage, key: "moved", inputs: { ...stage.inputs, "argument:X": "1" } }
          : stage,
      ),
      product: {
        ...ada().plan.product,
        key: "moved",
        inputs: { ...ada().plan.product.inputs, "parent:python": "moved" },
      },
    },
  };
  const { stages } = onlyPlanned(previewOf([attempt(moved, builtFrom(ada(), 100))]));
  const atMost = stages
    .filter(({ verdict }) => verdict === "rebuild")
    .map(({ name, atMost: may }) => [name, may]);
  assert.deepEqual(atMost, [
    ["python", false],
    ["starter", true],
  ]);
});

test("the size after is the former one and what changed stages gain, as sure as the history is", () => {
  const known = builtFrom(ada(), 100);
  const without = known.stages.map((stage) => (stage.name === "torch" ? { ...stage, key: "former" } : stage));
  const preview = (history: History) =>
    onlyPlanned(previewOf([attempt(ada(), { ...known, stages: without })], { history })).size;
  assert.deepEqual(preview(historyOf({ torch: { seconds: 1, bytes: 150 } })), {
    before: 900,
    after: 950,
    sure: "medium",
  });
  assert.deepEqual(preview(historyOf({})), { before: 900, after: 900, sure: "low" });
});

test("a new stage without history leaves the size open; one that is gone takes its bytes along", () => {
  const known = builtFrom(ada(), 100);
  const fewer = known.stages.filter(({ name }) => name !== "torch");
  const size = (stages: PreviousStack["stages"]) =>
    onlyPlanned(previewOf([attempt(ada(), { ...known, stages })])).size.after;
  assert.equal(size(fewer), null);
  const more = known.stages.map((stage) =>
    stage.name === "starter" ? { ...stage, inputs: { ...stage.inputs, "parent:old": "1" } } : stage,
  );
  assert.equal(size([...more, { name: "old", key: "1", inputs: {}, bytes: 100, role: "stage" }]), 800);
  assert.equal(
    size([...known.stages, { name: "tool", key: "1", inputs: {}, bytes: 100, role: "build" }]),
    900,
  );
});

test("a stack that fails leaves the others whole", () => {
  const { stacks } = previewOf([
    { stack: "broken", problem: "no lock" },
    attempt(ada(), builtFrom(ada(), 100)),
  ]);
  assert.deepEqual(stacks[0], { stack: "broken", verdict: "failed", problem: "no lock" });
  assert.equal(stacks[1]?.verdict, "unchanged");
});

test("where Pulumi sees something else than the plan, the preview says so", () => {
  const known = builtFrom(ada(), 100);
  const stages = known.stages.map((stage) => (stage.name === "torch" ? { ...stage, key: "former" } : stage));
  const engine = { counts: { update: 1 }, images: [{ name: "starter-cuda", op: "update" }] };
  const { notes } = onlyPlanned(previewOf([{ ...attempt(ada(), { ...known, stages }), engine }]));
  assert.deepEqual(notes, [
    "Pulumi also updates images in which nothing changes: starter-cuda.",
    "Pulumi would not build starter-torch, although the inputs changed: this is a bug.",
  ]);
});
