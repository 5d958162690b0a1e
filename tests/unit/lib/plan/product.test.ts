import assert from "node:assert/strict";
import { test } from "node:test";
import { imageResults } from "../../../../lib/evidence/image-results.ts";
import { generation, generationNames } from "../../../../lib/gpu/generations.ts";
import { productDockerfile } from "../../../../lib/plan/product.ts";
import { recipes } from "../../../../recipes/index.ts";
import { context, sampleLabels } from "../../../support/layers.ts";

test("a product's labels say what is asked before a host is chosen: its cards, its driver, its size", () => {
  for (const recipe of Object.values(recipes)) {
    for (const name of generationNames) {
      const text = productDockerfile(recipe, { ...context, generation: generation(name) }, sampleLabels);
      const found = [...text.matchAll(/^LABEL (\S+)="(.*)"$/gm)].map(([, label = "", value = ""]) => [
        label,
        value,
      ]);
      const Labels: Record<string, string> = Object.fromEntries(found);
      assert.equal(
        Labels["strata.compute-capabilities"],
        generation(name).computeCapabilities.join(","),
        `${recipe.name} ${name}`,
      );
      const results = imageResults({
        config: { os: "linux", architecture: "amd64", config: { Labels } },
        layers: [],
        bytes: 0,
      });
      assert.deepEqual(
        results.filter(({ status }) => status !== "pass"),
        [],
        `${recipe.name} ${name}`,
      );
    }
  }
});
