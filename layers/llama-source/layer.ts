import type { Layer, LayerContext } from "../../lib/recipe/layer.ts";

/** The Node of node-requirements.txt; a test compares. */
export const nodeVersion = "24.19.0";

export const llamaSource: Layer = {
  name: "llama-source",
  summary: "llama.cpp's source with its web page made: what is compiled needs neither a network nor Node",
  role: "build",
  included: ({ llama }) => llama.enabled,
  parents: () => ["toolbox"],
  shared: ["shared/fetch_sdist.py", "shared/finish.sh", "shared/trust.sh"],
  args: ({ llama }) => ({ UI: String(llama.ui), VERSION: llama.pin.version, ...sourceArgs(llama) }),
  pins: ({ llama }) => ({
    "llama.cpp": `${llama.pin.version} ${llama.pin.hash}`,
    ...(llama.ui ? { Node: nodeVersion } : {}),
  }),
};

function sourceArgs({ source, pin }: LayerContext["llama"]): Record<string, string> {
  return source === "git"
    ? { SOURCE: source, GIT_LOCATION: `${pin.location}#${pin.hash}` }
    : { SOURCE: source, SDIST_VERSION: pin.location, SDIST_HASH: pin.hash };
}
