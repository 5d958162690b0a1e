/** Layers that only recipes with ComfyUI have, or have with options: that they can be built, and change nothing else. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../home.ts";
import { backend } from "../../layers/backend/layer.ts";
import { interpreter } from "../../layers/interpreter/layer.ts";
import { python, pythonWith } from "../../layers/python/layer.ts";
import { runtime } from "../../layers/runtime/layer.ts";
import { sourceWheel } from "../../layers/source-wheel/layer.ts";
import { studioBackend } from "../../layers/studio-backend/layer.ts";
import { comfyuiAptPackages, system, systemWith } from "../../layers/system/layer.ts";
import { toolbox } from "../../layers/toolbox/layer.ts";
import { parsePythonLock, requirementName } from "../../lib/locks/python-lock.ts";
import { type Plan, planRecipe, type Stage } from "../../lib/plan/plan.ts";
import type { Layer } from "../../lib/recipe/layer.ts";
import { stageProblems } from "../support/dockerfile.ts";
import { context, sampleLabels, sampleRecipe } from "../support/layers.ts";

/** A plan of real layers, with a lock that holds what they name. */
function planOf(...layers: readonly Layer[]): Plan {
  const names = [toolbox, ...layers].flatMap((layer) => {
    const { image = [], build = [] } = layer.python?.(context) ?? {};
    return [...image, ...build].map(requirementName);
  });
  const text = names.map((name) => `${name}==1 --hash=sha256:${"0".repeat(64)}\n`).join("");
  return planRecipe(sampleRecipe(layers, [interpreter, toolbox]), context, {
    layersFolder: join(repository, "layers"),
    lock: { path: "lock", distributions: parsePythonLock(text, "lock") },
    labels: sampleLabels,
    sourceWheel,
  });
}

function stageOf(plan: Plan, name: string): Stage {
  const stage = plan.stages.find((candidate) => candidate.name === name);
  assert.ok(stage, name);
  return stage;
}

const text = (stage: Stage, path: string) =>
  stage.files.find((file) => file.path === path)?.content.toString();

test("the layers of ComfyUI's run time keep the rules, beside those of every image", () => {
  const layers = [
    systemWith({ packages: comfyuiAptPackages, volume: "/workspace" }),
    pythonWith({ userPackages: true }),
    backend,
    studioBackend,
    runtime,
  ];
  const { stages } = planOf(...layers);
  assert.deepEqual(
    stages.flatMap((stage) => stageProblems(stage)),
    [],
  );
});

test("a recipe's packages and volume are in its system stage, and in no other recipe's", () => {
  const plain = stageOf(planOf(system), "system");
  const more = stageOf(planOf(systemWith({ packages: ["b", "a"], volume: "/workspace" })), "system");
  const names = (stage: Stage) => (text(stage, "packages.txt") ?? "").trim().split("\n");
  assert.deepEqual(names(more), [...new Set([...names(plain), "a", "b"])].sort());
  assert.equal(more.args.VOLUME, "/workspace");
  assert.ok(!names(plain).includes("a"));
  assert.equal(plain.args.VOLUME, undefined);
  assert.notEqual(plain.key, more.key);
  assert.equal(stageOf(planOf(systemWith()), "system").key, plain.key);
});

test("an environment that sees packages of its user is another stage", () => {
  const key = (layer: Layer) => stageOf(planOf(system, layer), "python").key;
  assert.notEqual(key(pythonWith({ userPackages: true })), key(python));
  assert.equal(key(pythonWith()), key(python));
});

test("packages that the service shares with others stay in the stage that names them first", () => {
  const requirements = text(
    stageOf(planOf(system, backend, studioBackend), "studio-backend"),
    "requirements.txt",
  );
  assert.ok(requirements?.includes("websockets=="));
  assert.ok(!requirements?.includes("uvicorn=="));
});
