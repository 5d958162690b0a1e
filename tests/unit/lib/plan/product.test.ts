import assert from "node:assert/strict";
import { test } from "node:test";
import { imageResults } from "../../../../lib/evidence/image-results.ts";
import { generation, generationNames } from "../../../../lib/gpu/generations.ts";
import { productSettings } from "../../../../lib/plan/product.ts";
import { recipes } from "../../../../recipes/index.ts";
import { context, sampleLabels, sampleLayer, sampleRecipe } from "../../../support/layers.ts";

test("a product's labels say what is asked before a host is chosen: its cards, its driver, its size", () => {
  for (const recipe of Object.values(recipes)) {
    for (const name of generationNames) {
      const { labels: Labels } = productSettings(
        recipe,
        { ...context, generation: generation(name) },
        sampleLabels,
      );
      assert.equal(
        Labels["strata.compute-capabilities"],
        generation(name).computeCapabilities.join(","),
        `${recipe.name} ${name}`,
      );
      const described = {
        config: { os: "linux", architecture: "amd64", config: { Labels } },
        layers: [],
        bytes: 0,
      };
      const results = imageResults(described, "r.example");
      assert.deepEqual(
        results.filter(({ status }) => status !== "pass"),
        [],
        `${recipe.name} ${name}`,
      );
    }
  }
});

test("the budget of an image with models is the recipe's and their bytes; models beside it do not count", () => {
  const layer = (name: string, bytes: number) => ({ name, bytes, models: [] });
  const models = { layers: [layer("m1", 2e9), layer("m2", 1e9), layer("beside", 5e9)] };
  const recipe = sampleRecipe([
    sampleLayer("system"),
    sampleLayer("m1", [], { bulk: true }),
    sampleLayer("m2", [], { bulk: true }),
  ]);
  const budget = (more: object) =>
    productSettings(recipe, { ...context, ...more } as typeof context, sampleLabels).labels[
      "strata.size-budget"
    ];
  assert.equal(budget({ models }), "4.00 GB");
  assert.equal(budget({ models: { layers: [layer("beside", 5e9)] } }), "1 GB");
  assert.equal(budget({}), "1 GB");
});

test("source and commit are labels where they are known, and a label's text is what it is", () => {
  const labelsOf = (labels: object) =>
    productSettings({ ...sampleRecipe([sampleLayer("system")]), summary: 'a "$b" \\c' }, context, {
      ...sampleLabels,
      ...labels,
    }).labels;
  const known = labelsOf({ source: "https://h/a", revision: "r1" });
  assert.equal(known["org.opencontainers.image.source"], "https://h/a");
  assert.equal(known["org.opencontainers.image.revision"], "r1");
  assert.equal(known["org.opencontainers.image.description"], 'a "$b" \\c');
  assert.doesNotMatch(
    Object.keys(labelsOf({ source: null, revision: null })).join(" "),
    /image\.(source|revision)/,
  );
});
