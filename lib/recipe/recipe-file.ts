import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { mapErrors, UserError } from "../../errors.ts";
import { parseWithSchema } from "../schema-errors.ts";
import type { Recipe } from "./recipe.ts";
import { recipeSchema } from "./recipe-schema.ts";

/** What a file has to be called that Node can load. */
export const recipeFileName = /\.m?[jt]s$/;

/** Loads the recipe of a file. Throws all that is wrong with it; `taken` are names that mean other recipes. */
export async function loadRecipe(
  file: string,
  taken: readonly string[],
  path = resolve(file),
): Promise<Recipe> {
  if (!existsSync(path)) {
    throw new UserError(
      "strata:recipe",
      `there is no file ${file}.`,
      "Give its path from the folder of Pulumi.yaml, or an absolute one.",
    );
  }
  const exported = await imported(path, file);
  const value = exported.recipe ?? exported.default;
  if (value === undefined) {
    const names = Object.keys(exported).join(", ") || "nothing";
    throw new UserError(
      file,
      `exports no recipe, only ${names}.`,
      "Write: export const recipe: Recipe = …, or export it as the default.",
    );
  }
  parseWithSchema(recipeSchema, value, (keys) => [`${file}: recipe`, ...keys.map(String)].join("."), file);
  const recipe = value as Recipe;
  if (taken.includes(recipe.name)) {
    throw new UserError(
      `${file}: recipe.name`,
      `"${recipe.name}" is a recipe of strata's own.`,
      "Choose another name: tags and locks are called by it.",
    );
  }
  return recipe;
}

/** Loads a module as Node does it. `require` would be answered by Pulumi's TypeScript, which is an old one. */
async function imported(path: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    if (error instanceof UserError) {
      throw mapErrors(
        error,
        ({ path: where, problem, remedy }) => new UserError(`${file}: ${where}`, problem, remedy),
      );
    }
    throw new UserError(
      file,
      `cannot be loaded: ${(error as Error).message.trim()}`,
      "\nIt imports strata's modules by their path from its own folder, ../strata/recipes/extend.ts, or from the package strata.",
    );
  }
}
