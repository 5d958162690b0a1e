import type { Layer } from "../../lib/recipe/layer.ts";

export const interpreter: Layer = {
  name: "interpreter",
  summary:
    "Python and nothing else: what puts files in place, a quarter of the toolbox to fetch on an empty builder",
  role: "build",
  parents: () => [],
  shared: ["shared/settled.sh"],
  pins: ({ base }) => ({ [base.name]: base.digest }),
};
