import { z } from "zod";

/**
 * - `baked`: layers of the product
 * - `image`: the same layers as an image of their own, to be mounted or copied from
 * - `volume`: fetched into a volume when a container starts
 * - `none`: not strata's business
 */
export const modelStrategies = ["baked", "image", "volume", "none"] as const;
export type ModelStrategy = (typeof modelStrategies)[number];

/** `strata:models`: what becomes of the models that a recipe's workflows need. */
export const modelsSetting = z
  .strictObject({
    strategy: z.enum(modelStrategies).default("none"),
    /** Models beside those of the recipe, by their paths in locks/models.json. */
    also: z.array(z.string().min(1)).default([]),
    /** A part of them, by name or path, `*` for any text: to build and try with one or two first. Empty: all. */
    only: z.array(z.string().min(1)).default([]),
    /** With `volume`: whether ComfyUI starts while models are still being fetched. */
    background: z.boolean().default(false),
  })
  .check(({ value, issues }) => {
    const useless = (key: keyof typeof value, needs: string) =>
      issues.push({
        code: "custom",
        path: [key],
        input: value[key],
        message: `does nothing with the strategy "${value.strategy}" (it is for ${needs})`,
      });
    if (value.strategy === "none" && value.also.length > 0) useless("also", "the others");
    if (value.strategy === "none" && value.only.length > 0) useless("only", "the others");
    if (value.strategy !== "volume" && value.background) useless("background", '"volume"');
  });

export type ModelsSetting = z.output<typeof modelsSetting>;

export const noModels: ModelsSetting = { strategy: "none", also: [], only: [], background: false };
