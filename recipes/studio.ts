import type { NodeGroup } from "../lib/comfyui/custom-nodes.ts";
import { joinResolutions, type Recipe } from "../lib/recipe/recipe.ts";
import {
  comfyuiLayers,
  comfyuiLicences,
  comfyuiResolution,
  comfyuiRuntime,
  comfyuiSource,
} from "./comfyui.ts";
import { node } from "./comfyui-nodes.ts";
import { buildLayers } from "./common.ts";

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

const layers = comfyuiLayers({ groups, llama: true });

export const studio: Recipe = {
  name: "studio",
  summary: "ComfyUI with 38 custom nodes on 8188, a back end that drives it on 8000, llama-server on 8080",
  layers,
  buildLayers: buildLayers(layers),
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
  defaults: { tags: ["latest-{generation}", "sha-{commit}-{generation}", "{generation}"] },
};
