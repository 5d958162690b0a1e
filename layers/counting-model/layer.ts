import type { Layer } from "../../lib/recipe/layer.ts";

export const countingModel: Layer = {
  name: "counting-model",
  summary: "a tiny model that counts, so that a completion can be checked word for word",
  included: ({ llama }) => llama.enabled,
  parents: () => ["toolbox"],
  shared: ["shared/finish.sh", "shared/trust.sh"],
  python: () => ({ build: ["gguf"] }),
  owns: () => ["/opt/strata/models"],
};
