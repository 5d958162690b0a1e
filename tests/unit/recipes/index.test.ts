/**
 * What every recipe plans for every generation, as snapshots that people can read. Another plan is no mistake in
 * itself; it has to be meant: `node --test --test-update-snapshots tests/unit/recipes/index.test.ts` writes them anew, and
 * their difference belongs to the review.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { generationNames } from "../../../lib/gpu/generations.ts";
import { requirementName } from "../../../lib/locks/python-lock.ts";
import type { Product, Stage } from "../../../lib/plan/plan.ts";
import type { Layer } from "../../../lib/recipe/layer.ts";
import { type RecipeName, recipeNames, recipes } from "../../../recipes/index.ts";
import { contextOf, planSampleStack, type SampleStack } from "../../support/stacks.ts";

/** Arguments whose values are a lock's: a refreshed lock is not another plan. */
const ofLock = ["VERSION", "HASHES", "SDIST_VERSION", "SDIST_HASH"];

/** What a layer asks for by name, whatever nodes and locks say: their packages come and go. */
function namedPackages(stack: SampleStack): Record<string, string[]> {
  const { layers, buildLayers } = recipes[stack.recipe];
  const { comfyui, ...context } = contextOf(stack);
  const without = comfyui ? { ...context, comfyui: { ...comfyui, requirements: [], nodes: [] } } : context;
  const named = (layer: Layer): string[] => {
    const { image = [], remaining = [], build = [] } = layer.python?.(without) ?? {};
    const lines = { packages: image, "packages unless earlier": remaining, "build packages": build };
    return Object.entries(lines)
      .filter(([, requirements]) => requirements.length > 0)
      .map(([kind, requirements]) => `  ${kind}: ${requirements.map(requirementName).join(" ")}`);
  };
  return Object.fromEntries([...buildLayers, ...layers].map((layer) => [layer.name, named(layer)]));
}

/** A stage as text: no hash, no version, and of what is copied as a whole only the folder. */
function describe(stage: Stage | Product, packages: readonly string[] = []): string {
  const { name, role, parents, inputs } = stage;
  const args = "args" in stage ? stage.args : {};
  const named = (kind: string) => {
    const lines = Object.keys(inputs)
      .filter((input) => input.startsWith(`${kind}:`))
      .map(
        (input) => `  ${kind} ${input.slice(kind.length + 1).replace(/^(layers\/[^/ ]+\/rootfs\/).*/, "$1")}`,
      );
    return [...new Set(lines)].sort();
  };
  return [
    `${name} (${role})`,
    ...(parents.length > 0 ? [`  parents: ${parents.join(" ")}`] : []),
    ...Object.entries(args).map(
      ([key, value]) => `  argument ${key}=${ofLock.includes(key) && value ? "(of the lock)" : value}`,
    ),
    ...named("file"),
    ...named("pin"),
    ...packages,
    "",
  ].join("\n");
}

/** The first generation in full, of the others what differs from it. */
function snapshot(recipe: RecipeName): string {
  const described = generationNames.map((generation) => {
    const stack = { recipe, generation };
    const { stages, product } = planSampleStack(stack);
    const packages = namedPackages(stack);
    return { generation, stages: [...stages, product].map((stage) => describe(stage, packages[stage.name])) };
  });
  const [first, ...others] = described;
  assert.ok(first);
  return [
    `# ${recipe}, ${first.generation}: each stage with what its key is made of, in the order of the plan\n`,
    ...first.stages,
    ...others.flatMap(({ generation, stages }) => [
      `# ${recipe}, ${generation}: as ${first.generation}, but for\n`,
      ...stages.filter((text) => !first.stages.includes(text)),
    ]),
  ].join("\n");
}

test("every recipe is listed by its own name: settings, locks and tags call it by that", () => {
  assert.deepEqual(
    Object.values(recipes).map(({ name }) => name),
    recipeNames,
  );
});

for (const recipe of recipeNames) {
  test(`${recipe}: its plans are those that were reviewed`, (t) => {
    t.assert.fileSnapshot(snapshot(recipe), join(import.meta.dirname, "snapshots", `${recipe}.txt`), {
      serializers: [(text) => text],
    });
  });

  test(`${recipe}: stages come in the same order for every generation`, () => {
    const orders = generationNames.map((generation) => {
      const { stages } = planSampleStack({ recipe, generation });
      return stages.map(({ name }) => name);
    });
    for (const order of orders) assert.deepEqual(order, orders[0]);
  });
}

test("cuda and torch are packed at the builder's best in every recipe, and nothing else is", () => {
  for (const recipe of recipeNames) {
    const packed = planSampleStack({ recipe }).stages.filter(({ compression }) => compression !== undefined);
    assert.deepEqual(packed.map(({ name }) => name).sort(), ["cuda", "torch"]);
  }
});
