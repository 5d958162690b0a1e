import { filesLayer } from "../../lib/recipe/files-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

/** Uses Caddy (`caddy`), and FastAPI's Starlette and uvicorn, which another stage of the image has to bring. */
export const door: Layer = {
  ...filesLayer,
  name: "door",
  summary: "the one login before every service: makes Caddy's configuration and judges requests for it",
  owns: () => ["/opt/strata/door"],
};
