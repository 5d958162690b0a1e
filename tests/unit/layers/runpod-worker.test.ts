/** The worker for RunPod: that it can be built, that its code shields its packages, and who has to be beside it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../home.ts";
import { backend } from "../../../layers/backend/layer.ts";
import { interpreter } from "../../../layers/interpreter/layer.ts";
import { runpodPackages, runpodWorker } from "../../../layers/runpod-worker/layer.ts";
import { runtime } from "../../../layers/runtime/layer.ts";
import { sourceWheel } from "../../../layers/source-wheel/layer.ts";
import { studioBackend } from "../../../layers/studio-backend/layer.ts";
import { system } from "../../../layers/system/layer.ts";
import { toolbox } from "../../../layers/toolbox/layer.ts";
import { parsePythonLock, requirementName } from "../../../lib/locks/python-lock.ts";
import { type Plan, planRecipe, type Stage } from "../../../lib/plan/plan.ts";
import type { Layer } from "../../../lib/recipe/layer.ts";
import { recipes } from "../../../recipes/index.ts";
import { stageProblems } from "../../support/dockerfile.ts";
import { context, sampleLabels, sampleRecipe } from "../../support/layers.ts";
import { contextOf } from "../../support/stacks.ts";

const layers = [system, backend, studioBackend, runpodPackages, runpodWorker, runtime];

function planOf(version = "1"): Plan {
  const names = [toolbox, ...layers].flatMap((layer: Layer) => {
    const { image = [], remaining = [], build = [] } = layer.python?.(context) ?? {};
    return [...image, ...remaining, ...build].map(requirementName);
  });
  const text = [...new Set(names)].map(
    (name) => `${name}==${name === "runpod" ? version : 1} --hash=sha256:${"0".repeat(64)}\n`,
  );
  return planRecipe(sampleRecipe(layers, [interpreter, toolbox]), context, {
    layersFolder: join(repository, "layers"),
    lock: { path: "lock", distributions: parsePythonLock(text.join(""), "lock") },
    labels: sampleLabels,
    sourceWheel,
  });
}

function stageOf(plan: Plan, name: string): Stage {
  const stage = plan.stages.find((candidate) => candidate.name === name);
  assert.ok(stage, name);
  return stage;
}

test("its stages keep the rules, and the program can be started", () => {
  const plan = planOf();
  assert.deepEqual(
    plan.stages.flatMap((stage) => stageProblems(stage)),
    [],
  );
  const start = stageOf(plan, "runpod-worker").files.find(({ path }) => path.endsWith("/worker/start"));
  assert.equal(start?.executable, true);
});

test("another version of the SDK does not rebuild the worker's files", () => {
  const [before, after] = [planOf("1"), planOf("2")];
  assert.notEqual(stageOf(before, "runpod-packages").key, stageOf(after, "runpod-packages").key);
  assert.equal(stageOf(before, "runpod-worker").key, stageOf(after, "runpod-worker").key);
});

test("the image says that it has a worker, for the check that looks at it", () => {
  const described = (edited: readonly Layer[]) =>
    JSON.parse(
      runtime.listed?.([], contextOf({ recipe: "studio", edited: { ...recipes.studio, layers: edited } }))[
        "rootfs/opt/strata/image.json"
      ] ?? "",
    );
  assert.equal(described([...recipes.studio.layers, runpodWorker]).runpod, true);
  assert.equal("runpod" in described(recipes.studio.layers), false);
});

for (const { name, layers: all } of Object.values(recipes)) {
  if (!all.includes(runpodWorker)) continue;
  test(`${name}: the worker has the packages that it imports beside it`, () => {
    for (const needed of [backend, studioBackend, runpodPackages]) {
      assert.ok(all.includes(needed), `${name} lacks ${needed.name}`);
    }
    assert.ok(recipes[name as keyof typeof recipes].comfyui, `${name} has no ComfyUI`);
  });
}
