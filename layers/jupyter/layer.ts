import { filesLayer } from "../../lib/recipe/files-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

/** JupyterLab and TensorBoard as services: how they start. Their programs are in the layer `services`. */
export const jupyter: Layer = {
  ...filesLayer,
  name: "jupyter",
  summary: "how JupyterLab and TensorBoard start, and the kernel that has torch; a few small files",
  owns: () => ["/opt/strata/jupyter"],
};
