import { aptScripts } from "../../lib/recipe/apt-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";
import { builtWithOwnPython, ownPythonDockerfile } from "../../lib/recipe/own-interpreter.ts";

export const interpreter: Layer = {
  name: "interpreter",
  summary:
    "Python and nothing else: what puts files in place, a quarter of the toolbox to fetch on an empty builder",
  role: "build",
  ...builtWithOwnPython,
  dockerfile: (_, context) =>
    ownPythonDockerfile(
      "Python, for stages that only move and compile Python files. No part of it reaches a product.",
      [],
      context,
    ),
  shared: aptScripts,
  apt: () => ["python3"],
  pins: ({ base }) => ({ [base.name]: base.digest }),
};
