import { stageDockerfile } from "../../lib/recipe/dockerfile.ts";
import { filesLayer } from "../../lib/recipe/files-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";
import { comfyuiFolder } from "../comfyui/layer.ts";

/** What an instance listens on for others: SSH, and the door before portal, TensorBoard, Jupyter and ComfyUI. */
export const instancePorts = [22, 1111, 6006, 8080, 8188] as const;

/**
 * How a container of a rented instance starts: its boot scripts, process manager, SSH, workspace. Uses the Python of
 * `/opt/services` and modules of the layer `runtime`, so a recipe needs those, too.
 */
export const instance: Layer = {
  ...filesLayer,
  name: "instance",
  summary:
    "boot scripts, process manager, SSH and workspace of a rented instance; a few files of shell and Python",
  dockerfile: () =>
    stageDockerfile([
      "# The files of rootfs as they lie there, and the places where people look for ComfyUI and Caddy.",
      "FROM toolbox AS build",
      "ARG SOURCE_DATE_EPOCH",
      "COPY rootfs /out",
      "COPY finish.sh /",
      "RUN --network=none mkdir -p /out/opt/workspace-internal \\",
      `    && ln -s ${comfyuiFolder} /out/opt/workspace-internal/ComfyUI \\`,
      "    && ln -s /opt/workspace-internal/ComfyUI /out/ComfyUI \\",
      "    && ln -s /opt/caddy/bin/caddy /out/opt/instance-tools/bin/caddy \\",
      "    && sh -eu /finish.sh",
    ]),
  owns: () => ["/opt/strata/instance", "/etc/vast_boot.d"],
};
