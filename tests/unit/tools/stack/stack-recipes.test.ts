import assert from "node:assert/strict";
import { test } from "node:test";
import { recipeFiles } from "../../../../tools/stack/stack-recipes.ts";
import { layersFolder } from "../../../support/layers.ts";

test("the recipes of a project are the files that its stacks name, each once", (t) => {
  const folder = layersFolder(t, {
    "Pulumi.yaml": "name: mine\n",
    "Pulumi.ada.yaml": "config:\n  strata:recipe: recipes/chat.ts\n",
    "Pulumi.dev.yaml": "config:\n  strata:recipe: recipes/chat.ts\n  strata:generation: cpu\n",
    "Pulumi.more.yaml": "config:\n  strata:recipe: other.mjs\n",
    "Pulumi.plain.yaml": "config:\n  strata:recipe: starter\n",
    "Pulumi.empty.yaml": "",
  });
  assert.deepEqual(recipeFiles(folder), ["recipes/chat.ts", "other.mjs"]);
});

test("a project without any says what names one", (t) => {
  const folder = layersFolder(t, { "Pulumi.dev.yaml": "config:\n  strata:recipe: studio\n" });
  assert.throws(() => recipeFiles(folder), /has no stack with a recipe of its own\. Set strata:recipe in /);
});
