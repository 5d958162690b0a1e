import type { Layer } from "../../lib/layer.ts";
import { wheelLayer, wheelsDockerfile } from "../../lib/wheels.ts";

export const attention: Layer = {
  ...wheelLayer,
  name: "attention",
  summary: "the attention kernels that fit this torch, each loaded once while building",
  parents: () => ["toolbox", "cuda", "torch"],
  dockerfile: (parents) => wheelsDockerfile(parents, ["KERNELS"]),
  args: (context) => ({ ...wheelLayer.args(context), KERNELS: context.attention.join(" ") }),
  python: ({ set, attention }) => ({
    image: attention.flatMap((kernel) => {
      const wheel = set.attention[kernel];
      return "version" in wheel ? [`${kernel}==${wheel.version}`] : [];
    }),
  }),
};
