import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Build, emptyHistory, remember } from "../../../../lib/preview/build-history.ts";
import {
  alreadyBuilt,
  expectedBuild,
  leastConfidence,
  median,
  sumUp,
} from "../../../../lib/preview/estimate.ts";
import type { Expectation } from "../../../../lib/preview/preview-schema.ts";
import { stagePreview } from "../../../support/preview.ts";

const wanted = { stage: "torch", key: "new", recipe: "starter", generation: "ada" };

let minute = 0;
function build(more: Partial<Build> = {}): Build {
  const at = new Date(Date.UTC(2026, 0, 1, 0, minute++)).toISOString();
  return { ...wanted, key: "old", seconds: 60, bytes: 500, at, ...more };
}

const expected = (builds: readonly Build[]) => expectedBuild(wanted, remember(emptyHistory, builds));

test("without history nothing is guessed", () => {
  assert.deepEqual(expected([]), {
    seconds: null,
    range: null,
    bytes: null,
    basis: "none",
    builds: 0,
    sure: "none",
  });
  assert.equal(expected([build({ stage: "cuda" })]).basis, "none");
});

test("the nearest builds count: the same key, generation, recipe, then any", () => {
  const all = [
    build({ recipe: "studio", seconds: 1 }),
    build({ generation: "hopper", seconds: 2 }),
    build({ seconds: 3 }),
    build({ recipe: "megapak", generation: "cpu", key: "new", seconds: 4 }),
  ];
  const basis = (count: number) => {
    const { basis, seconds, sure } = expected(all.slice(0, count));
    return [basis, seconds, sure];
  };
  assert.deepEqual(basis(1), ["layer", 1, "low"]);
  assert.deepEqual(basis(2), ["recipe", 2, "low"]);
  assert.deepEqual(basis(3), ["generation", 3, "medium"]);
  assert.deepEqual(basis(4), ["key", 4, "high"]);
});

test("the median decides, and three builds of the same kind make it sure", () => {
  const { seconds, range, bytes, builds, sure } = expected([
    build({ seconds: 50, bytes: 100 }),
    build({ seconds: 900, bytes: null }),
    build({ seconds: 60, bytes: 300 }),
  ]);
  assert.deepEqual([seconds, range, bytes, builds, sure], [60, [50, 900], 200, 3, "high"]);
});

test("a median lies among its values, whatever their order", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 1 }), (values) => {
      const middle = median(values);
      assert.ok(middle >= Math.min(...values) && middle <= Math.max(...values));
      assert.equal(middle, median(values.toReversed()));
      assert.ok(values.filter((value) => value < middle).length <= values.length / 2);
    }),
  );
});

test("only the latest builds of a stage are kept, and the same build once", () => {
  const builds = Array.from({ length: 30 }, (_, index) => build({ seconds: index }));
  const history = remember(remember(emptyHistory, builds), [...builds.slice(-2), build({ stage: "cuda" })]);
  const torch = history.builds.filter(({ stage }) => stage === "torch");
  assert.deepEqual(
    torch.map(({ seconds }) => seconds),
    [20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
  );
  assert.equal(history.builds.length, 11);
});

test("a history never grows beyond its bound", () => {
  const builds = Array.from({ length: 2_500 }, (_, index) => build({ stage: `s${index}` }));
  const { builds: kept } = remember(emptyHistory, builds);
  assert.equal(kept.length, 2_000);
  assert.equal(kept.at(-1)?.stage, "s2499");
});

function takes(seconds: number | null, bytes = 10, sure: Expectation["sure"] = "high"): Expectation {
  const known = seconds !== null;
  return {
    seconds,
    range: known ? [seconds, seconds] : null,
    bytes: known ? bytes : null,
    basis: known ? "generation" : "none",
    builds: known ? 3 : 0,
    sure: known ? sure : "none",
  };
}

test("stages that do not wait for each other run side by side at best; what is unknown is named", () => {
  const stages = [
    stagePreview("toolbox"),
    stagePreview("cuda", { parents: ["toolbox"], expected: takes(100) }),
    stagePreview("torch", { parents: ["toolbox", "cuda"], expected: takes(50, 20, "medium") }),
    stagePreview("llama", { parents: ["toolbox"], expected: takes(120) }),
    stagePreview("node", { parents: ["torch"], expected: takes(null) }),
  ];
  assert.deepEqual(sumUp(stages), {
    longest: 150,
    all: 270,
    bytes: 40,
    unknown: ["node"],
    sure: "medium",
  });
});

test("what is built already is not pushed again", () => {
  const stages = [
    stagePreview("cuda", { expected: alreadyBuilt(500) }),
    stagePreview("torch", { parents: ["cuda"], expected: takes(50, 20) }),
  ];
  const { bytes, longest, unknown } = sumUp(stages);
  assert.deepEqual([bytes, longest, unknown], [20, 50, []]);
});

test("nothing to build takes nothing, and nobody is sure of it", () => {
  assert.deepEqual(sumUp([stagePreview("a")]), { longest: 0, all: 0, bytes: 0, unknown: [], sure: "none" });
  assert.equal(leastConfidence(["high", "low", "medium"]), "low");
});
