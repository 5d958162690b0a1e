import assert from "node:assert/strict";
import { test } from "node:test";
import { expectedSize } from "../../../../lib/preview/expected-size.ts";
import { previousFromOutputs } from "../../../../lib/preview/previous-stack.ts";
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
    assert.equal(expectedSize(["torch"], later, previousFromOutputs(former)).after, 600, file);
  }
});

test("with roles in the outputs no file's name matters", () => {
  const outputs = outputsOf("file:anything");
  const stages = Object.entries(outputs.stages).map(([name, known]) => [
    name,
    { ...known, role: name === "mine" ? "product" : "stage" },
  ]);
  const known = previousFromOutputs({ ...outputs, stages: Object.fromEntries(stages) });
  assert.equal(expectedSize(["torch"], later, known).after, 600);
  assert.equal(known.platform.recipe, "mine");
});
