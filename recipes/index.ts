import type { Recipe } from "../lib/recipe.ts";
import { starter } from "./starter.ts";

export const recipeNames = ["starter"] as const;
export type RecipeName = (typeof recipeNames)[number];

/** Every recipe by its name. */
export const recipes: { readonly [name in RecipeName]: Recipe } = { starter };
