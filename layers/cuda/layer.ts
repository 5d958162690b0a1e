import { type Layer, sitePackages } from "../../lib/layer.ts";
import { wheelLayer } from "../../lib/wheels.ts";

export const cuda: Layer = {
  ...wheelLayer,
  name: "cuda",
  summary:
    "CUDA's libraries, the wheels that torch depends on: torch and llama.cpp link to these, nothing brings its own",
  python: ({ set }) => ({ image: set.cudaLibraries }),
  owns: (context) => [`${sitePackages(context)}/nvidia`],
};
