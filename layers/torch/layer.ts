import { type Layer, sitePackages } from "../../lib/layer.ts";
import { wheelLayer } from "../../lib/wheels.ts";

export const torch: Layer = {
  ...wheelLayer,
  name: "torch",
  summary:
    "torch and torchvision without CUDA's libraries and without Triton, which have layers of their own",
  parents: () => ["toolbox", "cuda"],
  python: ({ set }) => ({ image: [`torch==${set.torch}`, `torchvision==${set.torchvision}`] }),
  owns: (context) => [`${sitePackages(context)}/torch`],
};
