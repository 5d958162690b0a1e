import { type Layer, sitePackages } from "../../lib/recipe/layer.ts";
import { wheelLayer } from "../../lib/recipe/wheel-layer.ts";

export const torch: Layer = {
  ...wheelLayer,
  name: "torch",
  summary:
    "torch and its companions without CUDA's libraries and without Triton, which have layers of their own",
  seldomChanges: true,
  parents: () => ["toolbox", "cuda"],
  python: ({ set, comfyui }) => ({
    image: [
      `torch==${set.torch}`,
      `torchvision==${set.torchvision}`,
      // ComfyUI imports it at start, declared or not.
      ...(comfyui ? [`torchaudio==${set.torchaudio}`] : []),
    ],
  }),
  owns: (context) => [`${sitePackages(context)}/torch`],
};
