import assert from "node:assert/strict";
import { test } from "node:test";
import { expectedSize } from "../../../../lib/preview/expected-size.ts";
import type { Expectation, StagePreview } from "../../../../lib/preview/preview-schema.ts";
import { previousFromRecord } from "../../../../lib/preview/previous-stack.ts";
import { stagePreview } from "../../../support/preview.ts";

const digest = `sha256:${"d".repeat(64)}`;
const stage = (bytes: number, inputs: Record<string, string> = {}) => ({ key: "k", digest, bytes, inputs });

/** What a stack of a recipe exports whose product has that input. */
function outputsOf(input: string) {
  const inputs = { [input]: "1", "parent:torch": "k", "parent:old": "k" };
  return {
    product: { reference: `registry.example/strata@${digest}`, digest, bytes: 1000, tags: [] },
    stages: { mine: stage(1000, inputs), torch: stage(600), old: stage(400), tool: stage(50) },
  };
}

const later = [
  stagePreview("mine", { role: "product", verdict: "rebuild" }),
  stagePreview("torch"),
  stagePreview("old", { role: null, verdict: "remove" }),
  stagePreview("tool", { role: null, verdict: "remove" }),
];

test("removed stages of the product take their bytes along, the recipe being strata's or a file", () => {
  for (const file of ["recipes/mine.ts", "recipe.ts", "their recipes/mine.js"]) {
    const former = outputsOf(`file:${file} (image configuration)`);
    assert.equal(expectedSize(["torch"], later, previousFromRecord(former)).after, 600, file);
  }
});

test("with roles in the outputs no file's name matters", () => {
  const outputs = outputsOf("file:anything");
  const stages = Object.entries(outputs.stages).map(([name, known]) => [
    name,
    { ...known, role: name === "mine" ? "product" : "stage" },
  ]);
  const known = previousFromRecord({ ...outputs, stages: Object.fromEntries(stages) });
  assert.equal(expectedSize(["torch"], later, known).after, 600);
  assert.equal(known.platform.recipe, "mine");
});

const outputs = outputsOf("file:recipes/mine.ts (image configuration)");
const former = () => previousFromRecord(outputs);
const expecting = (
  bytes: number | null,
  basis: Expectation["basis"] = "generation",
): Partial<StagePreview> => ({
  verdict: "rebuild",
  expected: { ...{ seconds: 1, range: null, builds: 1, sure: "medium" }, bytes, basis },
});
const product = stagePreview("mine", { role: "product", verdict: "rebuild" });

test("where nothing changes the size is the former one, if anybody knows it", () => {
  const same = [stagePreview("mine", { role: "product" }), stagePreview("torch")];
  assert.deepEqual(expectedSize(["torch"], same, former()), { before: 1000, after: 1000, sure: "high" });
  const { product: known, ...rest } = former();
  assert.ok(known);
  assert.deepEqual(expectedSize(["torch"], same, { ...rest, product: null }), {
    before: null,
    after: null,
    sure: "none",
  });
});

test("a stage gains what its builds say, as sure as they are, and stages outside the image do not count", () => {
  const size = (more: Partial<StagePreview>) =>
    expectedSize(
      ["torch"],
      [product, stagePreview("torch", more), stagePreview("tool", expecting(9_000))],
      former(),
    );
  assert.deepEqual(size(expecting(700)), { before: 1000, after: 1100, sure: "medium" });
  for (const basis of ["key", "built"] as const)
    assert.deepEqual(size(expecting(700, basis)), { before: 1000, after: 1100, sure: "high" }, basis);
  assert.deepEqual(size(expecting(null)), { before: 1000, after: 1000, sure: "low" });
  assert.deepEqual(size({}), { before: 1000, after: 1000, sure: "high" });
});

test("without a former size it is the sum of the stages, and of an unknown one nothing is said", () => {
  const known = { ...former(), product: null };
  const stages = [product, stagePreview("torch", expecting(700)), stagePreview("old")];
  assert.deepEqual(expectedSize(["torch", "old"], stages, known), {
    before: null,
    after: 1100,
    sure: "medium",
  });
  const fresh = [...stages, stagePreview("fresh", { verdict: "create" })];
  assert.deepEqual(expectedSize(["torch", "fresh"], fresh, former()), {
    before: 1000,
    after: null,
    sure: "none",
  });
});
