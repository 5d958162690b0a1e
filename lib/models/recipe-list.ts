import { z } from "zod";
import { throwAll, UserError } from "../../errors.ts";
import type { ModelsReport } from "../comfyui/workflow/report.ts";
import { parseLockFile } from "../locks/lock-file.ts";

const schema = z.strictObject({
  /** The workflows that the list follows from, below the repository; none where an import knew of no workflow. */
  workflows: z.array(z.string().min(1)),
  /** Paths in locks/models.json: folder and name, below ComfyUI's folder. */
  models: z.array(z.string().min(1)),
});

/** The models of a recipe, as its workflows ask for them. */
export type RecipeModels = z.infer<typeof schema>;

/** Where a recipe's list lies, below the repository. */
export function recipeModelsPath(recipe: string): string {
  return `recipes/models/${recipe}.json`;
}

/** Reads `recipes/models/<recipe>.json`. Throws all that is wrong with it. */
export function parseRecipeModels(text: string, path: string): RecipeModels {
  return parseLockFile(schema, text, path);
}

/**
 * The list that follows from a report. What the lock lacks altogether cannot be listed, and is an error each; what only
 * lacks a hash can: a build refuses it and says what to do.
 */
export function recipeModels(report: ModelsReport): RecipeModels {
  throwAll(
    "models",
    report.files
      .filter(({ state }) => state === "missing")
      .map(({ folder, name, url, elsewhere }) => {
        const problem = elsewhere ? `is not in the lock, which has ${elsewhere}.` : "is not in the lock.";
        const address = url ? ` The workflow says it is at ${url}.` : "";
        return new UserError(
          `${folder}/${name}`,
          `${problem}${address}`,
          "Add it to `incomplete` in locks/models.json and run `npm run lock -- models`.",
        );
      }),
  );
  return {
    workflows: report.workflows.map(({ path }) => path).sort(),
    models: report.files.map(({ folder, name }) => `${folder}/${name}`).sort(),
  };
}

/** The text of the list: the same workflows give the same text. */
export function formatRecipeModels(models: RecipeModels): string {
  return `${JSON.stringify(schema.parse(models), null, 2)}\n`;
}
