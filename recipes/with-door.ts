import { UserError } from "../errors.ts";
import { backend } from "../layers/backend/layer.ts";
import { caddy } from "../layers/caddy/layer.ts";
import { door } from "../layers/door/layer.ts";
import { runtime, runtimeBehindDoor } from "../layers/runtime/layer.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";

/** Where the layer `door` has what starts an image behind it. */
const folder = "/opt/strata/door";

/** A recipe whose services are behind the one login, where the stack wants that. One that has the login stays as it is. */
export function withDoor(recipe: Recipe, wanted: boolean | undefined): Recipe {
  const has = (name: string) => recipe.layers.some((layer) => layer.name === name);
  if (!wanted || has(door.name)) return recipe;
  // The login is made of packages of the image's own service, and its start moves the services of `runtime`.
  const missing = [backend.name, runtime.name].filter((name) => !has(name));
  if (missing.length > 0) {
    throw new UserError(
      "strata:door",
      `the recipe ${recipe.name} has no layer ${missing.join(" and no layer ")}, which the login needs.`,
      "Leave strata:door out, or add the layer to the recipe.",
    );
  }
  return {
    ...recipe,
    layers: recipe.layers.flatMap((layer) =>
      layer.name === runtime.name ? [caddy, door, runtimeBehindDoor] : [layer],
    ),
    runtime: (context) => {
      const alone = recipe.runtime(context);
      return {
        ...alone,
        entrypoint: [`${folder}/entrypoint`],
        healthcheck: { ...alone.healthcheck, command: [`${folder}/healthcheck`] },
      };
    },
  };
}
