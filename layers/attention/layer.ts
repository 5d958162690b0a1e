import type { Layer, LayerContext } from "../../lib/recipe/layer.ts";
import { wheelLayer, wheelsDockerfile } from "../../lib/recipe/wheel-layer.ts";

/** What needs more of the image than this stage can see to be imported: only its libraries are loaded. */
const notImported = ["nunchaku"];

function modules({ attention }: LayerContext): string[] {
  return attention
    .filter((kernel) => !notImported.includes(kernel))
    .map((kernel) => kernel.replaceAll("-", "_"));
}

export const attention: Layer = {
  ...wheelLayer,
  name: "attention",
  summary: "the attention kernels that fit this torch, each loaded once while building",
  parents: () => ["toolbox", "cuda", "torch"],
  dockerfile: (parents, { wheels }) => wheelsDockerfile(parents, ["KERNELS"], Object.values(wheels)),
  args: (context) => ({ ...wheelLayer.args(context), KERNELS: modules(context).join(" ") }),
  python: ({ set, attention, wheels, compiled }) => ({
    image: attention.flatMap((kernel) => {
      const wheel = wheels[kernel] ?? compiled[kernel] ?? set.attention[kernel];
      return "version" in wheel ? [`${kernel}==${wheel.version}`] : [];
    }),
  }),
};
