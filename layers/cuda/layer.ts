import { type Layer, sitePackages } from "../../lib/recipe/layer.ts";
import { wheelLayer } from "../../lib/recipe/wheel-layer.ts";

export const cuda: Layer = {
  ...wheelLayer,
  name: "cuda",
  summary:
    "CUDA's libraries, the wheels that torch depends on: torch and llama.cpp link to these, nothing brings its own",
  python: ({ set }) => ({ image: set.cudaLibraries }),
  owns: (context) => [`${sitePackages(context)}/nvidia`],
};
