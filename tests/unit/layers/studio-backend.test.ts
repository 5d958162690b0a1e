/** ComfyUI's part of the service: who has to be beside it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../home.ts";
import { backend } from "../../../layers/backend/layer.ts";
import { modelFetch } from "../../../layers/model-fetch/layer.ts";
import { studioBackend } from "../../../layers/studio-backend/layer.ts";
import { recipes } from "../../../recipes/index.ts";
import { withModels } from "../../../recipes/with-models.ts";
import { contextOf } from "../../support/stacks.ts";

const withStudio = Object.values(recipes).filter(({ layers }) => layers.includes(studioBackend));

test("a recipe that has it has the stages whose files it uses", () => {
  assert.ok(withStudio.length > 0);
  for (const { name, layers } of withStudio) {
    for (const needed of [backend, modelFetch]) assert.ok(layers.includes(needed), `${name}: ${needed.name}`);
  }
});

test("it looks for the fetcher where that stage puts it", () => {
  const file = "layers/studio-backend/rootfs/opt/strata/studio/strata_studio/downloads.py";
  const [recipe] = withStudio;
  assert.ok(recipe);
  const context = contextOf({ recipe: recipe.name as keyof typeof recipes, generation: "ada" });
  const [folder] = modelFetch.owns?.(context) ?? [];
  assert.match(
    readFileSync(join(repository, file), "utf8"),
    new RegExp(`^FETCHER = Path\\("${folder}"\\)$`, "m"),
  );
});

test("models add the fetcher where it is not there yet, and nowhere twice", () => {
  for (const strategy of ["baked", "image", "volume"] as const) {
    for (const recipe of Object.values(recipes)) {
      const models = { strategy, background: false, models: [], layers: [] };
      const { layers, buildLayers } = withModels(recipe, models);
      const found = [...layers, ...buildLayers].filter(({ name }) => name === modelFetch.name);
      assert.equal(found.length, 1, `${recipe.name}, ${strategy}`);
    }
  }
});
