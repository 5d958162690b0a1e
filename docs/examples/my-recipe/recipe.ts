/** An external recipe on top of megapak; docs/external-recipe.md explains it. */
import { extendRecipe, node } from "../../../recipes/extend.ts";
import { megapak } from "../../../recipes/megapak.ts";

export const recipe = extendRecipe(megapak, {
  name: "my-recipe",
  summary: "megapak with what our team uses",
  packages: ["humanize", "duckdb"],
  nodes: [node("M1kep/ComfyLiterals")],
  layers: [
    {
      name: "workflows",
      root: import.meta.dirname,
      summary: "our workflows, which change every day",
      parents: () => ["toolbox"],
      shared: ["shared/finish.sh"],
      owns: () => ["/opt/my-recipe"],
    },
  ],
  sizeBudget: "6.7 GB",
});
