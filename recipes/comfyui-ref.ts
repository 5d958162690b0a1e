import { z } from "zod";
import { UserError } from "../errors.ts";
import type { SelectedRecipe } from "./index.ts";

/** `strata:comfyui`: another ComfyUI than the recipe's. */
export const comfyuiSetting = z.strictObject({
  ref: z
    .string()
    .regex(/^(?![-/])(?!.*(\.\.|\/\/|\/$))[\w./-]+$/, "expected a branch, tag or full commit of ComfyUI")
    .optional(),
});

/** The recipe with ComfyUI at another branch, tag or commit, which has locks of its own. Throws where it has none. */
export function withComfyUiRef(selected: SelectedRecipe, ref: string | undefined): SelectedRecipe {
  const { recipe, folder } = selected;
  if (ref === undefined || ref === recipe.comfyui?.source.ref) return selected;
  if (!recipe.comfyui) {
    throw new UserError("strata:comfyui.ref", `${recipe.name} has no ComfyUI.`, "Leave it out.");
  }
  if (folder !== undefined) {
    throw new UserError(
      "strata:comfyui.ref",
      "is for strata's own recipes: another one has its locks beside its file.",
      "Give the recipe in the file a `comfyui.source` with this ref, and lock it.",
    );
  }
  const { source, groups } = recipe.comfyui;
  return {
    folder,
    // Below the repository, as the locks of an external recipe are below its folder.
    locks: `locks/comfyui/${ref.replaceAll("/", "+")}`,
    lockOptions: `--recipe ${recipe.name} --comfyui ${ref}`,
    // What both have is locked in the same version, where that fits.
    recipe: { ...recipe, extends: recipe.name, comfyui: { source: { ...source, ref }, groups } },
  };
}
