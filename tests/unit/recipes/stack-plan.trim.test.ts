/** What `strata:trim` changes in the plans of the recipes, and what it leaves as it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../config.ts";
import { repository } from "../../../home.ts";
import { generationNames } from "../../../lib/gpu/generations.ts";
import type { Plan } from "../../../lib/plan/plan.ts";
import { recipeNames } from "../../../recipes/index.ts";
import { planStack } from "../../../recipes/stack-plan.ts";
import { stageProblems } from "../../support/dockerfile.ts";
import { sampleLabels } from "../../support/layers.ts";

function planOf(recipe: string, generation: string, trim?: string): Plan {
  const raw = { "strata:recipe": recipe, "strata:generation": generation };
  const config = parseConfig({ ...raw, ...(trim ? { "strata:trim": trim } : {}) });
  return planStack(config, { root: repository, localImages: "none.json" }, sampleLabels).plan;
}

const keysOf = ({ stages, product }: Plan) =>
  Object.fromEntries([...stages, product].map(({ name, key }) => [name, key]));

const trimmedStages = ({ stages }: Plan) =>
  stages.filter(({ files }) => files.some(({ path }) => path === "trim.json")).map(({ name }) => name);

const fileOf = ({ stages }: Plan, stage: string, end: string) =>
  stages
    .find(({ name }) => name === stage)
    ?.files.find(({ path }) => path.endsWith(end))
    ?.content.toString() ?? "";

test("without it keys are what they are, and no stage knows of it", () => {
  for (const recipe of recipeNames) {
    const plan = planOf(recipe, "ada");
    assert.deepEqual(keysOf(planOf(recipe, "ada", "false")), keysOf(plan));
    assert.deepEqual(trimmedStages(plan), []);
    assert.doesNotMatch(fileOf(plan, "runtime", "image.json"), /trimmed/);
  }
});

test("the stages of packages with GPU code, what is built from them, and the image's description are others", () => {
  const [before, after] = [keysOf(planOf("starter", "ada")), keysOf(planOf("starter", "ada", "true"))];
  const moved = Object.keys(after).filter((name) => before[name] !== after[name]);
  assert.deepEqual(moved.sort(), ["attention", "runtime", "starter", "torch", "verify"]);
  const plan = planOf("studio", "ada", "true");
  assert.deepEqual(trimmedStages(plan), ["torch", "comfyui-packages", "node-packages"]);
  assert.deepEqual(JSON.parse(fileOf(plan, "runtime", "image.json")).trimmed, [
    "comfy-kitchen",
    "onnxruntime-gpu",
    "torch",
    "torchaudio",
    "torchvision",
  ]);
  assert.equal(plan.product.settings.labels["strata.trimmed"], "true");
});

test("only what has no code at all hides the cards from torch", () => {
  const hides = (generation: string, trim?: string) => {
    const { product } = planOf("starter", generation, trim);
    return product.settings.environment.CUDA_VISIBLE_DEVICES === "";
  };
  assert.deepEqual([hides("cpu", "true"), hides("cpu"), hides("ada", "true")], [true, false, false]);
});

test("contexts, arguments, files and downloads of every trimmed stage are right", () => {
  for (const recipe of recipeNames) {
    for (const generation of generationNames) {
      const { stages } = planOf(recipe, generation, "true");
      const trimmed = stages.filter(({ files }) => files.some(({ path }) => path === "trim.json"));
      assert.ok(trimmed.length > 0);
      for (const stage of trimmed) assert.deepEqual(stageProblems(stage), [], `${recipe} ${generation}`);
    }
  }
});
