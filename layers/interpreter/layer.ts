import { aptScripts } from "../../lib/recipe/apt-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

export const interpreter: Layer = {
  name: "interpreter",
  summary:
    "Python and nothing else: what puts files in place, a quarter of the toolbox to fetch on an empty builder",
  role: "build",
  parents: () => [],
  shared: aptScripts,
  apt: () => ["python3"],
  pins: ({ base }) => ({ [base.name]: base.digest }),
};
