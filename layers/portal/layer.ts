import { filesLayer } from "../../lib/recipe/files-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

/** Runs on the Python of /opt/services: fastapi, httpx, nvidia-ml-py, psutil, pyyaml, supervisor, uvicorn, websockets. */
export const portal: Layer = {
  ...filesLayer,
  name: "portal",
  summary: "the web page that shows and steers an instance, and the manager of its tunnels; files of our own",
  owns: () => ["/opt/portal-aio"],
};
