/** A recipe beside other code, with the package strata; docs/package.md explains it. */
import { extendRecipe, filesLayer, type Recipe, starter } from "strata";

export const recipe: Recipe = extendRecipe(starter, {
  name: "my-chat",
  summary: "starter with what our team uses",
  packages: ["humanize"],
  layers: [
    {
      ...filesLayer,
      name: "greeting",
      root: import.meta.dirname,
      summary: "a file of ours, which changes every day",
      owns: () => ["/opt/greeting"],
    },
  ],
});
