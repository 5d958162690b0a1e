import { modelLayer } from "../layers/model/layer.ts";
import { modelFetch } from "../layers/model-fetch/layer.ts";
import { modelTools } from "../layers/model-tools/layer.ts";
import type { ResolvedModels } from "../lib/models/resolve-models.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";

/** A recipe with what a stack's models need. Models come last: they lie on top of everything, wherever that changes. */
export function withModels(recipe: Recipe, models: ResolvedModels | undefined): Recipe {
  if (!models) return recipe;
  const layers = models.layers.map(modelLayer);
  // Where the image's service uses it, the recipe has it already.
  const fetcher = recipe.layers.some(({ name }) => name === modelFetch.name) ? [] : [modelFetch];
  const tools = [...recipe.buildLayers, ...fetcher, modelTools];
  switch (models.strategy) {
    case "baked":
      return { ...recipe, buildLayers: tools, layers: [...recipe.layers, ...layers] };
    case "image":
      return { ...recipe, buildLayers: [...tools, ...layers] };
    case "volume":
      return { ...recipe, layers: [...recipe.layers.slice(0, -1), ...fetcher, ...recipe.layers.slice(-1)] };
    default:
      return models.strategy satisfies never;
  }
}
