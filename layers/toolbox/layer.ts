import { aptScripts } from "../../lib/recipe/apt-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";
import { builtWithOwnPython, ownPythonDockerfile } from "../../lib/recipe/own-interpreter.ts";

export const toolbox: Layer = {
  name: "toolbox",
  summary: "compiler, Python, uv: what the other stages are built with, kept out of the product",
  role: "build",
  ...builtWithOwnPython,
  dockerfile: (_, context) =>
    ownPythonDockerfile(
      "The compiler, Python and uv that every other stage is built with. No part of it reaches a product.",
      ["--mount=type=secret,id=ca"],
      context,
    ),
  shared: [...aptScripts, "shared/trust.sh"],
  apt: () => [
    "ca-certificates",
    "ccache",
    "g++",
    "libssl-dev",
    "make",
    "patch",
    "python3",
    "python3-dev",
    "python3-venv",
  ],
  pins: ({ base }) => ({ [base.name]: base.digest }),
  python: () => ({ build: ["cmake", "ninja", "uv==0.13.8"] }),
};
