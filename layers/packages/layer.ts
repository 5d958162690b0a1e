import type { Layer, LayerContext } from "../../lib/recipe/layer.ts";
import { wheelLayer } from "../../lib/recipe/wheel-layer.ts";

/** A group of Python packages as a stage of its own: a changed group rebuilds nothing before or beside it. */
export function packageGroup(
  name: string,
  summary: string,
  requirements: (context: LayerContext) => readonly string[],
): Layer {
  return {
    ...wheelLayer,
    name,
    folder: "packages",
    summary,
    python: (context) => ({ remaining: requirements(context) }),
  };
}

/** What ComfyUI asks for. */
export const comfyuiPackages = packageGroup(
  "comfyui-packages",
  "what ComfyUI's own requirements ask for, so that no node's requirement moves its frontend or templates",
  ({ comfyui }) => (comfyui?.requirements ?? []).map(({ line }) => line),
);

/** What the custom nodes ask for beyond that, resolved together: nodes themselves are stages without packages. */
export const nodePackages = packageGroup(
  "node-packages",
  "what the requirements of all custom nodes ask for: a node's next commit rarely changes it",
  ({ comfyui }) => (comfyui?.nodes ?? []).flatMap((node) => node.requirements.map(({ line }) => line)),
);
