import { modelTools } from "../layers/model-tools/layer.ts";
import type { AptChoice, Layer } from "../lib/recipe/layer.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";

/** Every package of the distribution that a layer of these recipes installs on a base, whatever a stack decides. */
export function aptNames(recipes: readonly Recipe[], base: string): string[] {
  const choice: AptChoice = { base: { name: base }, models: { strategy: "volume" }, buildTools: true };
  // A stack with models has one more.
  const layers: readonly Layer[] = [
    modelTools,
    ...recipes.flatMap((recipe) => [...recipe.layers, ...recipe.buildLayers]),
  ];
  return [...new Set(layers.flatMap(({ apt }) => apt?.(choice) ?? []))].sort();
}
