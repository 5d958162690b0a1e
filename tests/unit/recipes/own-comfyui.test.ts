import assert from "node:assert/strict";
import { test } from "node:test";
import { comfyuiSource } from "../../../recipes/comfyui.ts";
import { node } from "../../../recipes/comfyui-nodes.ts";
import { comfyuiRecipe } from "../../../recipes/own-comfyui.ts";

const ref = "4ac401af2b3962f7a669a6757a804f7773833c47";

test("a ComfyUI of one's own has one's own nodes and no other, at its commit, and extends nothing", () => {
  const recipe = comfyuiRecipe({
    name: "mine",
    comfyui: { ref },
    nodes: [node("kijai/ComfyUI-KJNodes")],
    packages: ["humanize"],
  });
  assert.deepEqual(recipe.comfyui?.source, { ...comfyuiSource, ref });
  assert.deepEqual(
    recipe.comfyui?.groups.map(({ name, nodes }) => [name, nodes.length]),
    [["mine", 1]],
  );
  const names = recipe.layers.map(({ name }) => name);
  assert.ok(names.includes("nodes-mine") && names.includes("mine-packages"));
  assert.equal(names.at(-1), "runtime");
  assert.ok(!names.includes("runpod-worker"));
  assert.equal(recipe.extends, undefined);
  assert.match(recipe.summary, /1 custom nodes/);
});

test("packages that are only in git come with the nodes whose lines they replace; the worker where it is asked for", () => {
  assert.deepEqual(comfyuiRecipe({ name: "mine" }).resolution?.gitPackages, {});
  const { resolution, layers } = comfyuiRecipe({
    name: "mine",
    runpod: true,
    nodes: [node("WASasquatch/was-node-suite-comfyui"), node("Amorano/Jovi_Measure")],
  });
  assert.deepEqual(Object.keys(resolution?.gitPackages ?? {}).sort(), [
    "cozy-comfyui",
    "cstr",
    "img2texture",
  ]);
  assert.ok(layers.some(({ name }) => name === "runpod-worker"));
});
