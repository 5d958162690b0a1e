import type { Recipe } from "../lib/recipe.ts";
import { megapak } from "./megapak.ts";
import { starter } from "./starter.ts";
import { studio } from "./studio.ts";

export const recipeNames = ["starter", "studio", "megapak"] as const;
export type RecipeName = (typeof recipeNames)[number];

/** Every recipe by its name. */
export const recipes: { readonly [name in RecipeName]: Recipe } = { starter, studio, megapak };
