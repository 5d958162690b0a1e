import { dirname, resolve } from "node:path";
import { UserError } from "../errors.ts";
import type { GenerationName } from "../lib/gpu/generations.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";
import { loadRecipe, recipeFileName } from "../lib/recipe/recipe-file.ts";
import { didYouMean } from "../lib/schema-errors.ts";
import { megapak } from "./megapak.ts";
import { starter } from "./starter.ts";
import { studio } from "./studio.ts";
import { vast } from "./vast.ts";
import { wan22 } from "./wan22.ts";

/** Every built-in recipe by its name. */
export const recipes = { starter, studio, megapak, wan22, vast } as const satisfies Record<string, Recipe>;
export type RecipeName = keyof typeof recipes;
export const recipeNames = Object.keys(recipes) as RecipeName[];

/** What a stack builds that says nothing about it: the image that the smallest card of each generation can prove. */
export const defaultRecipes: { readonly [generation in GenerationName]: RecipeName } = {
  cpu: "starter",
  turing: "starter",
  ampere: "starter",
  ada: "starter",
  hopper: "starter",
  blackwell: "starter",
  universal: "starter",
};

export interface SelectedRecipe {
  readonly recipe: Recipe;
  /** The folder of an external recipe, where its locks lie too; undefined for a built-in one. */
  readonly folder: string | undefined;
  /** The folder below the repository that holds its own locks, where a setting makes another recipe of a built-in one. */
  readonly locks?: string;
  /** What `npm run lock` is given for it. */
  readonly lockOptions?: string;
}

/** The recipe that `strata:recipe` means: a built-in one, or a file's. @param folder where its path begins */
export async function findRecipe(setting: string, folder = process.cwd()): Promise<SelectedRecipe> {
  if (!recipeFileName.test(setting)) return builtInRecipe(setting);
  const file = resolve(folder, setting);
  return { recipe: await loadRecipe(setting, recipeNames, file), folder: dirname(file) };
}

/** The built-in recipe of a name. Throws where there is none. */
export function builtInRecipe(setting: string): SelectedRecipe {
  const name = recipeNames.find((each) => each === setting);
  if (name) return { recipe: recipes[name], folder: undefined };
  throw new UserError(
    "strata:recipe",
    `expected one of ${recipeNames.join(", ")}, or a file that ends in .ts or .js, got "${setting}".`,
    didYouMean(setting, recipeNames),
  );
}
