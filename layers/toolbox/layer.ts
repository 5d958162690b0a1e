import type { Layer } from "../../lib/recipe/layer.ts";

export const toolbox: Layer = {
  name: "toolbox",
  summary: "compiler, Python, uv: what the other stages are built with, kept out of the product",
  role: "build",
  parents: () => [],
  shared: ["shared/settled.sh", "shared/trust.sh"],
  pins: ({ base }) => ({ [base.name]: base.digest }),
  python: () => ({ build: ["cmake", "ninja", "uv==0.13.8"] }),
};
