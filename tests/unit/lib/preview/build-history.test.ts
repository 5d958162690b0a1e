import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Build,
  emptyHistory,
  historySchema,
  remember,
  type TestRun,
} from "../../../../lib/preview/build-history.ts";

const time = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const build = (minute: number, more: Partial<Build> = {}): Build => ({
  ...{ stage: "torch", key: "k", recipe: "starter", generation: "ada", seconds: minute, bytes: null },
  ...{ at: time(minute), ...more },
});
const run = (minute: number, more: Partial<TestRun> = {}): TestRun => ({
  ...{ recipe: "starter", generation: "ada", kind: "aws", instance: "g6.xlarge", minutes: minute },
  ...{ at: time(minute), ...more },
});
const twelve = Array.from({ length: 12 }, (_, index) => index);

test("builds are kept oldest first, whatever their order was, and those of one time as they came", () => {
  const { builds } = remember(emptyHistory, [
    build(3),
    build(1),
    build(2, { key: "a" }),
    build(2, { key: "b" }),
  ]);
  assert.deepEqual(
    builds.map(({ at, key }) => [at, key]),
    [
      [time(1), "k"],
      [time(2), "a"],
      [time(2), "b"],
      [time(3), "k"],
    ],
  );
});

test("ten builds are kept of each stage, recipe and generation", () => {
  for (const more of [{ stage: "cuda" }, { recipe: "studio" }, { generation: "hopper" }]) {
    const { builds } = remember(
      emptyHistory,
      twelve.flatMap((minute) => [build(minute), build(minute, more)]),
    );
    assert.equal(builds.length, 20);
    assert.equal(builds[0]?.at, time(2));
  }
  const keys = remember(
    emptyHistory,
    twelve.map((minute) => build(minute, { key: `${minute}` })),
  );
  assert.equal(keys.builds.length, 10, "another key is no other kind");
});

test("ten tests are kept of each recipe, generation, kind of host and instance", () => {
  for (const more of [{ recipe: "studio" }, { generation: "hopper" }, { kind: "ssh" }, { instance: null }]) {
    const tests = twelve.flatMap((minute) => [run(minute), run(minute, more)]);
    assert.equal(remember(emptyHistory, [], tests).tests?.length, 20);
  }
});

test("what was known stays beside what comes, and a history of tests stays without new ones", () => {
  const first = remember(emptyHistory, [build(1)], [run(1)]);
  assert.deepEqual(remember(first, [build(2)], [run(2)]), {
    format: 1,
    builds: [build(1), build(2)],
    tests: [run(1), run(2)],
  });
  assert.deepEqual(remember(first, []), first);
});

test("a history is read only as it is written", () => {
  const history = remember(emptyHistory, [build(1), build(2, { bytes: 5 })], [run(1, { instance: null })]);
  assert.deepEqual(historySchema.parse(history), history);
  for (const broken of [
    { ...history, format: 2 },
    { ...history, more: 1 },
    { ...history, builds: [{ ...build(1), more: 1 }] },
    { ...history, builds: [build(1, { seconds: -1 })] },
    { ...history, builds: [build(1, { bytes: 0.5 })] },
    { ...history, builds: [build(1, { at: "yesterday" })] },
    { ...history, tests: [{ ...run(1), more: 1 }] },
    { ...history, tests: [run(1, { minutes: -1 })] },
    { ...history, tests: [run(1, { at: "yesterday" })] },
  ]) {
    assert.equal(historySchema.safeParse(broken).success, false, JSON.stringify(broken));
  }
});
