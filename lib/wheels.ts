import type { Layer, LayerContext } from "./layer.ts";

/** What every layer made of Python wheels has in common: the scripts that its Dockerfile runs. */
export const wheelLayer = {
  parents: () => ["toolbox"],
  shared: [
    "shared/install-wheels.sh",
    "shared/trust.sh",
    "shared/compile-python.sh",
    "shared/verify-in-place.sh",
    "shared/finish.sh",
  ],
  args: ({ python }: LayerContext) => ({ PYTHON: python }),
} satisfies Partial<Layer>;
