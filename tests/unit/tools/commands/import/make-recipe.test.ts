import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../../home.ts";
import { type Inventory, nothing } from "../../../../../lib/import/inventory.ts";
import { noCoolDown } from "../../../../../lib/lock-making/cool-down.ts";
import { imageLockPath, parseImageLock } from "../../../../../lib/locks/image-lock.ts";
import { makeRecipe } from "../../../../../tools/commands/import/make-recipe.ts";

const images = parseImageLock(readFileSync(join(repository, imageLockPath), "utf8"));
const making = {
  name: "mine",
  images,
  strata: { repositories: {}, packages: {} },
  mirrors: {},
  coolDown: noCoolDown,
  from: "a test",
};
const made = (more: Partial<Inventory>) => makeRecipe({ ...nothing, ...more }, making);

test("Python decides the base image that has it, CUDA the set of packages", async () => {
  const { recipe, left } = await made({
    python: "3.12",
    cuda: "12.8",
    isWorker: true,
    packages: ["humanize"],
  });
  assert.deepEqual(recipe.defaults, { base: "ubuntu-24.04", python: "3.12", cuda: "12.8" });
  assert.deepEqual(left, []);
  const names = recipe.layers.map(({ name }) => name);
  assert.ok(names.includes("runpod-worker") && names.includes("mine-packages"));
});

test("a Python or CUDA that no image has is told, and the defaults hold", async () => {
  const { recipe, imported, left } = await made({ python: "3.9", cuda: "11.8" });
  assert.deepEqual([recipe.defaults, imported.defaults], [{}, undefined]);
  assert.deepEqual(
    left.map(({ what, reason }) => `${what}: ${reason}`),
    [
      "Python 3.9: strata has 3.11, 3.12, 3.13, 3.14; the recipe has the default",
      "CUDA 11.8: strata has 12.8, 13.0; the recipe has the default",
    ],
  );
});

test("ComfyUI that nobody can reach stays in the recipe, without a lock", async () => {
  const comfyui = {
    repository: "https://git.invalid/a/ComfyUI",
    ref: "4ac401af2b3962f7a669a6757a804f7773833c47",
  };
  const mirrors = { "https://git.invalid/": "git://127.0.0.1:1/" };
  const { recipe, lock, unreachable } = await makeRecipe({ ...nothing, comfyui }, { ...making, mirrors });
  assert.deepEqual(recipe.comfyui?.source, comfyui);
  assert.equal(lock, undefined);
  assert.match(unreachable ?? "", /127\.0\.0\.1/);
});
