import { attention } from "../layers/attention/layer.ts";
import { backend } from "../layers/backend/layer.ts";
import { comfyui } from "../layers/comfyui/layer.ts";
import { cuda } from "../layers/cuda/layer.ts";
import { interpreter } from "../layers/interpreter/layer.ts";
import { llamaCpp } from "../layers/llama-cpp/layer.ts";
import { modelFetch } from "../layers/model-fetch/layer.ts";
import { models } from "../layers/models/layer.ts";
import { nodeGroup } from "../layers/nodes/layer.ts";
import { comfyuiPackages, nodePackages } from "../layers/packages/layer.ts";
import { pythonWith } from "../layers/python/layer.ts";
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
    name: "fundamentals",
    summary: "what every workflow uses: management, inputs, utilities",
    nodes: [
      // Fundamentals / QoL
      node("chrisgoringe/cg-use-everywhere"),
      node("cubiq/ComfyUI_essentials"),
      node("kijai/ComfyUI-KJNodes"),
      node("liusida/ComfyUI-Login"),
      node("Comfy-Org/ComfyUI-Manager"),
      node("M1kep/ComfyLiterals"),
      node("pythongosssss/ComfyUI-Custom-Scripts"),
      node("rgthree/rgthree-comfy"),
      node("WASasquatch/was-node-suite-comfyui"),
      node("yolain/ComfyUI-Easy-Use"),
    ],
  },
  {
    name: "image",
    summary: "image generation, faces, upscaling, segmentation",
    nodes: [
      // Image Generation
      node("city96/ComfyUI-GGUF"),
      node("cubiq/ComfyUI_FaceAnalysis"),
      node("cubiq/ComfyUI_InstantID"),
      node("cubiq/ComfyUI_IPAdapter_plus"),
      node("Fannovel16/comfyui_controlnet_aux"),
      node("Gourieff/ComfyUI-ReActor"),
      node("huchenlei/ComfyUI-layerdiffuse"),
      node("Kosinkadink/ComfyUI-Advanced-ControlNet"),
      node("ltdrdata/ComfyUI-Impact-Pack"),
      node("ltdrdata/ComfyUI-Impact-Subpack"),
      node("ltdrdata/ComfyUI-Inspire-Pack"),
      node("Smirnov75/ComfyUI-mxToolkit"),
      node("ssitu/ComfyUI_UltimateSDUpscale"),
      node("ZHO-ZHO-ZHO/ComfyUI-BRIA_AI-RMBG"),
      // Segmentation
      node("kijai/ComfyUI-segment-anything-2"),
      node("rdancer/ComfyUI_Florence2SAM2"),
    ],
  },
  {
    name: "video",
    summary: "video generation and editing",
    nodes: [
      // Video Generation
      node("Fannovel16/ComfyUI-Frame-Interpolation"),
      node("kijai/ComfyUI-CogVideoXWrapper"),
      node("kijai/ComfyUI-HunyuanVideoWrapper"),
      node("kijai/ComfyUI-MochiWrapper"),
      node("kijai/ComfyUI-WanVideoWrapper"),
      node("Kosinkadink/ComfyUI-AnimateDiff-Evolved"),
      node("Kosinkadink/ComfyUI-VideoHelperSuite"),
      node("Lightricks/ComfyUI-LTXVideo"),
    ],
  },
  {
    name: "extras",
    summary: "caching and the CivitAI catalogue",
    nodes: [
      // Performance Optimization
      node("chengzeyi/Comfy-WaveSpeed"),
      // CivitAI Integration
      node("BAIKEMARK/ComfyUI-Civitai-Toolkit"),
      node("civitai/civitai_comfy_nodes"),
      node("X-T-E-R/ComfyUI-EasyCivitai-XTNodes"),
    ],
  },
];

const layers = [
  systemWith({ packages: comfyuiSystem, volume: "/workspace" }),
  cuda,
  llamaCpp,
  pythonWith({ userPackages: true }),
  torch,
  attention,
  backend,
  studioBackend,
  modelFetch,
  comfyuiPackages,
  nodePackages,
  comfyui,
  ...groups.map(nodeGroup),
  models,
  runtime,
];

export const studio: Recipe = {
  name: "studio",
  summary: "ComfyUI with 38 custom nodes on 8188, a back end that drives it on 8000, llama-server on 8080",
  buildLayers: [interpreter, toolbox, verification(layers)],
  layers,
  comfyui: { source: comfyuiSource, groups },
  resolution: joinResolutions(comfyuiResolution, {
    additional: [
      {
        requirement: "transformers<4.54",
        reason: "ComfyUI-HunyuanVideoWrapper imports _validate_images_text_input_order, which 4.54 removed",
      },
    ],
  }),
  licences: comfyuiLicences,
  sizeBudget: "4.4 GB",
  runtime: comfyuiRuntime,
  defaults: { tags: ["latest", "sha-{commit}", "{generation}"] },
};
