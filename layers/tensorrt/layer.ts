import type { Layer, LayerContext } from "../../lib/recipe/layer.ts";
import { wheelLayer, wheelsDockerfile } from "../../lib/recipe/wheel-layer.ts";

const wheels = ({ tensorrt }: LayerContext) => Object.entries(tensorrt ?? {});

/** TensorRT's real libraries, which the package index does not have: wheels that the stack names, checked by loading. */
export const tensorrt: Layer = {
  ...wheelLayer,
  name: "tensorrt",
  summary: "TensorRT's libraries, of a GB and more, for stacks that name their wheels",
  included: (context) => context.tensorrt !== undefined,
  lacks: (context) =>
    context.tensorrt === undefined
      ? ["no TensorRT: the package index has stubs alone; strata:tensorrt names its wheels (docs/vast.md)."]
      : [],
  parents: () => ["toolbox", "cuda", "torch"],
  dockerfile: (parents, context) =>
    wheelsDockerfile(
      parents,
      ["VERSION"],
      wheels(context).map(([, wheel]) => wheel),
    ),
  args: (context) => ({ ...wheelLayer.args(context), VERSION: wheels(context)[0]?.[1].version ?? "" }),
  python: (context) => ({ image: wheels(context).map(([name, { version }]) => `${name}==${version}`) }),
};
