import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlanEntry, Stage } from "../../../../lib/plan/plan.ts";
import type { Attempt } from "../../../../lib/preview/all-stacks.ts";
import type { History } from "../../../../lib/preview/build-history.ts";
import type { NextStack, PreviousStack } from "../../../../lib/preview/preview-stack.ts";
import { noPreviousStack, previousFromPlan } from "../../../../lib/preview/previous-stack.ts";
import { onlyPlanned, previewOf, stackPreview } from "../../../support/preview.ts";

const stage = (name: string, key: string, parents: string[] = [], role: PlanEntry["role"] = "stage") =>
  ({ name, key, parents, role, inputs: { "argument:KEY": key }, files: [] }) as unknown as Stage;

/** What a checkout makes of a stack of these stages, by key. */
function next(
  stack: string,
  keys: Readonly<Record<string, string>>,
  more: Partial<NextStack> = {},
): NextStack {
  const stages = Object.entries(keys).map(([name, key]) => stage(name, key));
  const product = stage("starter", Object.values(keys).join("+"), Object.keys(keys), "product");
  return {
    stack,
    plan: { recipe: "starter", stages, product } as unknown as NextStack["plan"],
    platform: stackPreview(stack).platform,
    repository: "registry.example/strata",
    limits: ["local"],
    tags: ["latest"],
    checks: "c1",
    ...more,
  };
}
/** The same, as its last update left it. */
const built = (planned: NextStack, more: Partial<PreviousStack> = {}): PreviousStack => ({
  ...previousFromPlan(planned, ""),
  comparedWith: { kind: "outputs" },
  ...more,
});
const attempt = (planned: NextStack, previous: PreviousStack = noPreviousStack("new")): Attempt => ({
  ...{ stack: planned.stack, planned, previous, engine: null },
});
const failed: Attempt = { stack: "broken", problem: "no lock" };
const history: History = {
  format: 1,
  builds: ["a", "b"].map((name) => ({
    ...{ stage: name, key: "x", recipe: "starter", generation: "ada", seconds: 60, bytes: 100 },
    at: "2026-01-01T00:00:00.000Z",
  })),
};

test("what several stacks will have is told once, in their order, for each stage", () => {
  const attempts = [
    attempt(next("one", { a: "1", b: "1b" })),
    failed,
    attempt(next("two", { a: "1", b: "2b" })),
    attempt(next("three", { a: "1", b: "2b" })),
  ];
  const { shared, expected, stacks } = previewOf(attempts, { history });
  assert.deepEqual(
    shared.map(({ stage: name, key, stacks: sharers }) => [name, key, sharers]),
    [
      ["a", "1", ["one", "two", "three"]],
      ["b", "2b", ["two", "three"]],
      ["starter", "1+2b", ["two", "three"]],
    ],
  );
  assert.deepEqual([expected.all, expected.longest, expected.bytes], [180, 60, 300]);
  // Of the products nothing has to be known: each is a manifest.
  assert.deepEqual(expected.unknown, []);
  assert.deepEqual(stacks[1], { stack: "broken", verdict: "failed", problem: "no lock" });
});

test("a stage waits for its parents where another stack builds those", () => {
  const chained = (name: string) => {
    const planned = next(name, { a: "1" });
    const second = { ...stage("b", `b-${name}`), parents: ["a"] };
    return attempt({ ...planned, plan: { ...planned.plan, stages: [...planned.plan.stages, second] } });
  };
  const { expected } = previewOf([chained("one"), chained("two")], { history });
  assert.deepEqual([expected.all, expected.longest], [180, 120]);
});

test("one key in two repositories is two images", () => {
  const other = { repository: "registry.example/other" };
  const { shared } = previewOf([attempt(next("one", { a: "1" })), attempt(next("two", { a: "1" }, other))]);
  assert.deepEqual(shared, []);
  const nowhere = { repository: null };
  const open = [attempt(next("one", { a: "1" }, nowhere)), attempt(next("two", { a: "1" }, nowhere))];
  assert.equal(previewOf(open).shared.length, 2);
});

test("only what another stack has really built, where this one looks, is there already", () => {
  const basisOf = (previous: Partial<PreviousStack>) => {
    const other = next("two", { a: "1" });
    const attempts = [attempt(next("one", { a: "1" })), attempt(other, built(other, previous))];
    const [first] = previewOf(attempts).stacks;
    assert.ok(first && first.verdict !== "failed");
    return first.stages.map(({ expected }) => expected?.basis);
  };
  assert.deepEqual(basisOf({}), ["built", "built"]);
  assert.deepEqual(basisOf({ comparedWith: { kind: "revision", revision: "r" } }), ["none", "manifest"]);
  assert.deepEqual(basisOf({ repository: "registry.example/other" }), ["none", "manifest"]);
  // Its own former image is no other stack's.
  const own = next("one", { a: "1" });
  const rebuilt = built(own, { stages: [{ ...stage("b", "1"), bytes: 5 }] });
  const [stack] = previewOf([attempt(own, rebuilt)]).stacks;
  assert.ok(stack && stack.verdict !== "failed");
  assert.equal(stack.stages[0]?.expected?.basis, "none");
});

test("what an update does beside building is told, where it is known before and after", () => {
  const planned = next("one", { a: "1" });
  const settings = (previous: Partial<PreviousStack>, now: Partial<NextStack> = {}) =>
    onlyPlanned(previewOf([attempt({ ...planned, ...now }, built(planned, previous))])).settings.map(
      ({ kind, name, before, after }) => [kind, name, before, after],
    );
  assert.deepEqual(settings({}), []);
  assert.deepEqual(settings({ repository: "old" }), [["registry", "repository", "old", planned.repository]]);
  assert.deepEqual(settings({ checks: "c0" }), [["checks", "smoke/", "c0", "c1"]]);
  for (const unknown of [{ repository: null }, { checks: null }, { tags: null }])
    assert.deepEqual(settings(unknown), []);
  assert.deepEqual(settings({}, { repository: null }), []);
  assert.deepEqual(settings({ tags: ["old", "kept"] }, { tags: ["kept", "new"] }), [
    ["tag", "new", null, "new"],
    ["tag", "old", "old", null],
  ]);
  assert.deepEqual(settings({ stages: [], checks: "c0" }), [], "a new stack has no settings that change");
});

test("a stack is new, changed or unchanged, and counts its stages", () => {
  const planned = next("one", { a: "1", b: "2" });
  const told = (previous: PreviousStack) => {
    const { verdict, counts } = onlyPlanned(previewOf([attempt(planned, previous)]));
    return [verdict, counts.create, counts.rebuild, counts.unchanged, counts.remove];
  };
  const known = built(planned);
  assert.deepEqual(told(known), ["unchanged", 0, 0, 3, 0]);
  assert.deepEqual(told(noPreviousStack("new")), ["new", 3, 0, 0, 0]);
  assert.deepEqual(told({ ...known, tags: ["other"] }), ["changed", 0, 0, 3, 0]);
  const [first, ...rest] = known.stages;
  assert.ok(first);
  const moved = { ...first, key: "0", inputs: { "argument:KEY": "0" } };
  assert.deepEqual(told({ ...known, stages: [moved, ...rest] }), ["changed", 0, 1, 2, 0]);
  assert.deepEqual(told({ ...known, stages: [...known.stages, { ...first, name: "old" }] }), [
    "changed",
    0,
    0,
    3,
    1,
  ]);
  assert.deepEqual(told({ ...known, stages: rest }), ["changed", 1, 0, 2, 0]);
});

test("values of what sounds like a secret are left out, and so is every secret that is known", () => {
  const planned = next("one", { a: "1" });
  const [first, ...rest] = built(planned).stages;
  assert.ok(first);
  const inputs = { ...first.inputs, "argument:API_TOKEN": "hidden", "argument:PLAIN": "long-enough" };
  const previous = built(planned, { stages: [{ ...first, key: "0", inputs }, ...rest] });
  const causes = (secrets: string[]) =>
    onlyPlanned(previewOf([attempt(planned, previous)], { secrets })).stages[0]?.causes.map(
      ({ name, before, after }) => [name, before, after],
    );
  assert.deepEqual(causes([]), [
    ["API_TOKEN", "[secret]", null],
    ["PLAIN", "long-enough", null],
  ]);
  assert.ok(!JSON.stringify(causes(["long-enough"])).includes("long-enough"));
});
