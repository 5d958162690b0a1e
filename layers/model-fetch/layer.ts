import type { Layer } from "../../lib/layer.ts";

/**
 * The one program that fetches models: stages of models mount it while they build, images that fetch into a volume carry
 * it, and so do those whose service takes orders (`studio-backend`). It uses aria2 where `toolbox` or `system` has it,
 * and one connection otherwise.
 */
export const modelFetch: Layer = {
  name: "model-fetch",
  summary: "fetches models by a manifest, with resume and verification; a few files of Python",
  parents: () => ["toolbox"],
  shared: ["shared/finish.sh"],
  owns: () => ["/opt/strata/model-fetch"],
};
