import type { Layer } from "../../lib/layer.ts";

export const system: Layer = {
  name: "system",
  summary: "base image, the distribution's packages and the user; everything else lies on top",
  role: "system",
  parents: () => [],
  shared: ["shared/settled.sh"],
  pins: ({ base }) => ({ [base.name]: base.digest }),
};
