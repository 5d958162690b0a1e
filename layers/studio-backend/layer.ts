import type { Layer } from "../../lib/recipe/layer.ts";
import { wheelLayer } from "../../lib/recipe/wheel-layer.ts";

/** Models that people order are fetched by the program of the stage `model-fetch`, so a recipe needs that, too. */
export const studioBackend: Layer = {
  ...wheelLayer,
  name: "studio-backend",
  summary: "ComfyUI's part of the image's service: nodes, models, downloads, workflows and restart",
  python: () => ({
    image: [
      "huggingface_hub",
      "uvicorn[standard]",
      "websockets>=15",
      // What the image that this recipe follows promises to people's own code, beside what the service uses itself.
      "aiofiles",
      "python-multipart",
      "pyyaml",
      "requests",
      // ComfyUI-Manager calls it when it starts, and installs what people ask for with it.
      "pip",
    ],
  }),
  owns: () => ["/opt/strata/studio"],
};
