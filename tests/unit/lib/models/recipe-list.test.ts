import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelsReport } from "../../../../lib/comfyui/workflow/report.ts";
import { parseRecipeModels, recipeModels, recipeModelsPath } from "../../../../lib/models/recipe-list.ts";

const file = (name: string, state: string, more: object = {}) => ({
  folder: "models/vae",
  name,
  state,
  url: null,
  elsewhere: null,
  ...more,
});
const list = (...files: object[]) =>
  recipeModels({ workflows: [{ path: "b.json" }, { path: "a.json" }], files } as unknown as ModelsReport);

test("a list is sorted, and holds what only lacks a hash", () => {
  assert.equal(recipeModelsPath("wan22"), "recipes/models/wan22.json");
  assert.deepEqual(list(file("c", "incomplete"), file("b", "locked")), {
    workflows: ["a.json", "b.json"],
    models: ["models/vae/b", "models/vae/c"],
  });
});

test("what is missing says where it is, and what has its name", () => {
  assert.throws(
    () => list(file("a", "missing", { url: "https://h/a", elsewhere: "models/x/a" })),
    /models\/vae\/a: is not in the lock, which has models\/x\/a\. The workflow says it is at https:\/\/h\/a\. Add it/,
  );
  assert.throws(() => list(file("a", "missing")), /models\/vae\/a: is not in the lock\. Add it/);
});

test("a list that is damaged says so with its path", () => {
  assert.throws(() => parseRecipeModels("{", "list"), /^UserError: list: is not JSON: /);
  assert.throws(
    () => parseRecipeModels('{"workflows":[""],"models":[""]}', "list"),
    /workflows[\s\S]*models\.0/,
  );
  assert.throws(() => parseRecipeModels('{"workflows":["a"],"models":[],"more":1}', "list"), /more/);
  // An import may know models and no workflow.
  assert.deepEqual(parseRecipeModels('{"workflows":[],"models":["a"]}', "list").models, ["a"]);
});
