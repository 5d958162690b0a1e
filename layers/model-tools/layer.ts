import { aptScripts } from "../../lib/recipe/apt-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

/** What stages of models are built in. */
export const modelTools: Layer = {
  name: "model-tools",
  summary:
    "aria2 and the program that fetches models, so that the toolbox of all others need not change with them",
  role: "build",
  parents: () => ["toolbox", "model-fetch"],
  shared: aptScripts,
  apt: () => ["aria2"],
};
