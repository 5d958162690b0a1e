import type { Layer } from "../../lib/recipe/layer.ts";
import { wheelLayer } from "../../lib/recipe/wheel-layer.ts";

export const backend: Layer = {
  ...wheelLayer,
  name: "backend",
  summary: "the FastAPI service that tells what the image is and whether it works",
  python: () => ({ image: ["fastapi", "httpx", "packaging", "supervisor", "uvicorn"] }),
  owns: () => ["/opt/strata/backend"],
};
