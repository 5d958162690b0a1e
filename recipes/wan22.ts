import { attention } from "../layers/attention/layer.ts";
import { backend } from "../layers/backend/layer.ts";
import { comfyui } from "../layers/comfyui/layer.ts";
import { cuda } from "../layers/cuda/layer.ts";
import { interpreter } from "../layers/interpreter/layer.ts";
import { modelFetch } from "../layers/model-fetch/layer.ts";
import { nodeGroup } from "../layers/nodes/layer.ts";
import { comfyuiPackages, nodePackages } from "../layers/packages/layer.ts";
import { pythonWith } from "../layers/python/layer.ts";
import { runpodPackages, runpodWorker } from "../layers/runpod-worker/layer.ts";
import { runtime } from "../layers/runtime/layer.ts";
import { studioBackend } from "../layers/studio-backend/layer.ts";
import { comfyuiPackages as comfyuiSystem, systemWith } from "../layers/system/layer.ts";
import { toolbox } from "../layers/toolbox/layer.ts";
import { torch } from "../layers/torch/layer.ts";
import { verification } from "../layers/verify/layer.ts";
import type { NodeGroup } from "../lib/comfyui.ts";
import { joinResolutions, type Recipe } from "../lib/recipe.ts";
import { comfyuiLicences, comfyuiResolution, comfyuiRuntime, comfyuiSource, node } from "./comfyui.ts";

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

const layers = [
  systemWith({ packages: comfyuiSystem, volume: "/workspace" }),
  cuda,
  pythonWith({ userPackages: true }),
  torch,
  attention,
  backend,
  studioBackend,
  modelFetch,
  comfyuiPackages,
  nodePackages,
  runpodPackages,
  comfyui,
  ...groups.map(nodeGroup),
  runpodWorker,
  runtime,
];

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
  buildLayers: [interpreter, toolbox, verification(layers)],
  layers,
  comfyui: { source: comfyuiSource, groups },
  // The packages that are only in git are for nodes that it does not have.
  resolution: joinResolutions(
    { ...comfyuiResolution, gitPackages: {} },
    {
      // No node says up to which version it works. These are what the other recipes were booted with.
      additional: [
        { requirement: "transformers<5", reason: "none of its nodes declares that it works with 5" },
        { requirement: "numpy<2", reason: "none of its nodes declares that it works with 2" },
      ],
    },
  ),
  licences: comfyuiLicences,
  sizeBudget: "4.4 GB",
  runtime: comfyuiRuntime,
};
