import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { repository } from "../../../home.ts";
import {
  formatModelLock,
  type ModelLock,
  modelLockPath,
  parseModelLock,
} from "../../../lib/locks/model-lock.ts";
import type { ModelsSetting } from "../../../lib/models/models-setting.ts";
import { recipeModelsPath } from "../../../lib/models/recipe-list.ts";
import { comfyuiRecipe } from "../../../recipes/own-comfyui.ts";
import { readModels } from "../../../recipes/stack-locks.ts";
import { externalLockKinds, refreshExternalLocks } from "../../../tools/lock/external-recipe.ts";
import { respond, startFakeHub } from "../../support/fake-hub.ts";
import { temporaryFolder } from "../support/folder.ts";

const recipe = comfyuiRecipe({ name: "mine" });
const own = {
  folder: "models/vae",
  name: "wan_2.1_vae.safetensors",
  url: "https://huggingface.co/o/n/resolve/main/vae/a.safetensors",
  licence: null,
  source: "a test",
  gated: null,
};
const sha256 = "a".repeat(64);

/** A folder of one's own with a lock and a list of one model, which strata's own lock has otherwise. */
function folderWith(t: TestContext, lock: ModelLock): string {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "locks"));
  mkdirSync(join(folder, "recipes/models"), { recursive: true });
  writeFileSync(join(folder, modelLockPath), formatModelLock(lock));
  const list = { workflows: [], models: [`${own.folder}/${own.name}`] };
  writeFileSync(join(folder, recipeModelsPath(recipe.name)), JSON.stringify(list));
  return folder;
}

function models(folder: string) {
  const setting: ModelsSetting = {
    strategy: "volume",
    also: ["models/text_encoders/umt5-xxl-encoder-Q5_K_M.gguf"],
    only: [],
    background: false,
  };
  return readModels(repository, folder, { models: setting, mirrors: {} }, recipe)?.models ?? [];
}

test("a model beside an external recipe counts before strata's own of the same path, and the others stay", (t) => {
  const folder = folderWith(t, { models: [{ ...own, size: 5, sha256 }], incomplete: [] });
  assert.deepEqual(
    models(folder).map(({ name, size }) => [name, size === 5]),
    [
      ["umt5-xxl-encoder-Q5_K_M.gguf", false],
      ["wan_2.1_vae.safetensors", true],
    ],
  );
});

test("one whose hash is open is refused by a stack that wants it, until its lock was asked for", async (t) => {
  const folder = folderWith(t, { models: [], incomplete: [{ ...own, size: null, sha256: null }] });
  assert.throws(() => models(folder), /wan_2\.1_vae\.safetensors: hash unknown/);
  assert.deepEqual(externalLockKinds(["models"], false), ["models"]);
  const hub = await startFakeHub({
    "/o/n/resolve/main/vae/a.safetensors": respond(302, {
      "x-linked-size": "12",
      "x-linked-etag": `"${sha256}"`,
      "x-repo-commit": "c".repeat(40),
      location: "https://storage.invalid/signed",
    }),
    "/api/models/o/n": respond(200, {}, JSON.stringify({ gated: false, cardData: {} })),
  });
  const before = process.env.HF_ENDPOINT;
  process.env.HF_ENDPOINT = hub.address;
  t.after(async () => {
    if (before === undefined) delete process.env.HF_ENDPOINT;
    else process.env.HF_ENDPOINT = before;
    await hub.stop();
  });
  const [file, ...others] = await refreshExternalLocks(
    ["models"],
    { recipe, folder, strata: repository },
    {},
    () => {},
  );
  assert.deepEqual([file?.path, others], [modelLockPath, []]);
  assert.equal(parseModelLock(file?.text ?? "").models[0]?.sha256, sha256);
});
