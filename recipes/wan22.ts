import type { NodeGroup } from "../lib/comfyui/custom-nodes.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";
import {
  bootedResolution,
  comfyuiLayers,
  comfyuiLicences,
  comfyuiRuntime,
  comfyuiSource,
} from "./comfyui.ts";
import { node } from "./comfyui-nodes.ts";
import { buildLayers } from "./common.ts";

const groups: readonly NodeGroup[] = [
  {
    name: "wan",
    summary: "quantised models, freeing memory between steps, frame interpolation, video files",
    nodes: [
      node("city96/ComfyUI-GGUF"),
      node("Fannovel16/ComfyUI-Frame-Interpolation"),
      node("Kosinkadink/ComfyUI-VideoHelperSuite"),
      node("SeanScripts/ComfyUI-Unload-Model"),
      node("yolain/ComfyUI-Easy-Use"),
    ],
  },
];

const layers = comfyuiLayers({ groups, runpod: true });

/**
 * Image to video with Wan 2.2 in four steps. Its models are what recipes/workflows/wan22-i2v.json asks for, written to
 * recipes/models/wan22.json by `npm run models`; strata:models says what becomes of them.
 *
 * The image that it follows also has city96/ComfyUI_ExtraModels, of which none of its workflows uses anything.
 */
export const wan22: Recipe = {
  name: "wan22",
  summary:
    "Wan 2.2 image to video: ComfyUI with what its workflow needs, as a worker or as an editor on 8188",
  layers,
  buildLayers: buildLayers(layers),
  comfyui: { source: comfyuiSource, groups },
  resolution: bootedResolution,
  licences: comfyuiLicences,
  sizeBudget: "4.4 GB",
  runtime: comfyuiRuntime,
};
