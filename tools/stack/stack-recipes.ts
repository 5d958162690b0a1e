import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { readSettings } from "../../lib/plan/stack-file.ts";
import { recipeFileName } from "../../lib/recipe/recipe-file.ts";
import { namedStacks } from "./stack.ts";

/** The files of recipes that the stacks of a folder name, each once. Throws where there are none. */
export function recipeFiles(folder: string): string[] {
  const named = namedStacks(folder).flatMap((stack) => {
    const file = `Pulumi.${stack}.yaml`;
    const recipe = readSettings(readFileSync(join(folder, file), "utf8"), "", file).raw["strata:recipe"];
    return recipe !== undefined && recipeFileName.test(recipe) ? [recipe] : [];
  });
  if (named.length > 0) return [...new Set(named)];
  throw new UserError(
    folder,
    "has no stack with a recipe of its own.",
    "Set strata:recipe in Pulumi.<stack>.yaml to its file, or name it: --recipe FILE.",
  );
}
