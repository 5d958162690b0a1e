import { type Layer, sitePackages } from "../../lib/recipe/layer.ts";
import { installCommand, wheelLayer } from "../../lib/recipe/wheel-layer.ts";

export const cuda: Layer = {
  ...wheelLayer,
  name: "cuda",
  summary:
    "CUDA's libraries, the wheels that torch depends on: torch and llama.cpp link to these, nothing brings its own",
  dockerfile: (parents) =>
    wheelLayer.dockerfile(parents).replace(installCommand, "sh -eu /context/install-libraries.sh"),
  seldomChanges: true,
  python: ({ set }) => ({ image: set.cudaLibraries }),
  owns: (context) => [`${sitePackages(context)}/nvidia`],
};
