import type { AptChoice, Layer } from "../lib/recipe/layer.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";

/** Every package of the distribution that a layer of these recipes installs on a base, whatever a stack decides. */
export function aptNames(recipes: readonly Recipe[], base: string): string[] {
  const choice: AptChoice = { base: { name: base }, models: { strategy: "volume" } };
  const layers: readonly Layer[] = recipes.flatMap(({ layers, buildLayers }) => [...layers, ...buildLayers]);
  return [...new Set([...layers.flatMap(({ apt }) => apt?.(choice) ?? []), ...modelToolPackages])].sort();
}

/** Of the layer that a stack with models of its own has besides. */
const modelToolPackages = ["aria2"];
