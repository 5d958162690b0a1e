import { filesLayer } from "../../lib/recipe/files-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

/**
 * The one program that fetches models: stages of models mount it while they build, images that fetch into a volume carry
 * it, and so do those whose service takes orders (`studio-backend`). It uses aria2 where `toolbox` or `system` has it,
 * and one connection otherwise.
 */
export const modelFetch: Layer = {
  ...filesLayer,
  name: "model-fetch",
  summary: "fetches models by a manifest, with resume and verification; a few files of Python",
  owns: () => ["/opt/strata/model-fetch"],
};
