import { attention } from "../layers/attention/layer.ts";
import { backend } from "../layers/backend/layer.ts";
import { comfyui } from "../layers/comfyui/layer.ts";
import { countingModel } from "../layers/counting-model/layer.ts";
import { cpython } from "../layers/cpython/layer.ts";
import { cuda } from "../layers/cuda/layer.ts";
import { llamaCpp } from "../layers/llama-cpp/layer.ts";
import { modelFetch } from "../layers/model-fetch/layer.ts";
import { nodeGroup } from "../layers/nodes/layer.ts";
import { comfyuiPackages, nodePackages } from "../layers/packages/layer.ts";
import { pythonWith } from "../layers/python/layer.ts";
import { runpodPackages, runpodWorker } from "../layers/runpod-worker/layer.ts";
import { runtime } from "../layers/runtime/layer.ts";
import { studioBackend } from "../layers/studio-backend/layer.ts";
import { comfyuiAptPackages, systemWith } from "../layers/system/layer.ts";
import { torch } from "../layers/torch/layer.ts";
import type { ComfyUi, NodeGroup } from "../lib/comfyui/custom-nodes.ts";
import type { Layer } from "../lib/recipe/layer.ts";
import { type ImageRuntime, joinResolutions, type Resolution } from "../lib/recipe/recipe.ts";
import { imageRuntime } from "./common.ts";

/** ComfyUI at a commit that the nodes below were booted with (docs/adr/0013-nodes.md). */
export const comfyuiSource: ComfyUi["source"] = {
  repository: "https://github.com/Comfy-Org/ComfyUI",
  ref: "v0.33.0",
};

/** In what the layers of one ComfyUI image differ from those of another. */
export interface ComfyUiLayers {
  readonly groups: readonly NodeGroup[];
  /** Stages of packages that lie below those of ComfyUI and its nodes, which leave out what these have. */
  readonly packages?: readonly Layer[];
  /** llama-server beside ComfyUI, with the model that its test needs. @default false */
  readonly llama?: boolean;
  /** The worker for RunPod with its packages. @default false */
  readonly runpod?: boolean;
}

/** The layers of a ComfyUI image, from the one that changes least to the one that changes most. */
export function comfyuiLayers({ groups, packages = [], llama, runpod }: ComfyUiLayers): Layer[] {
  return [
    systemWith({ packages: comfyuiAptPackages, volume: "/workspace" }),
    cpython,
    cuda,
    ...(llama ? [llamaCpp] : []),
    pythonWith({ userPackages: true }),
    torch,
    ...packages,
    attention,
    backend,
    studioBackend,
    modelFetch,
    comfyuiPackages,
    nodePackages,
    ...(runpod ? [runpodPackages] : []),
    comfyui,
    ...groups.map(nodeGroup),
    ...(llama ? [countingModel] : []),
    ...(runpod ? [runpodWorker] : []),
    runtime,
  ];
}

/** What is wrong or missing in the metadata of packages that ComfyUI images have in common. */
export const comfyuiResolution: Resolution = {
  additional: [
    { requirement: "requests", reason: "ComfyUI imports it and does not declare it" },
    {
      requirement: "setuptools<81",
      reason: "clip-interrogator and others import pkg_resources, which 81 removed",
    },
  ],
  aliases: Object.fromEntries([
    ...["opencv-python", "opencv-python-headless", "opencv-contrib-python"].map((name) => [
      name,
      { of: "opencv-contrib-python-headless", reason: "all of them write the module cv2" },
    ]),
    ["onnxruntime", { of: "onnxruntime-gpu", reason: "both write the module onnxruntime" }],
  ]),
  gitPackages: {
    cstr: { repository: "https://github.com/WASasquatch/cstr", requires: [] },
    img2texture: { repository: "https://github.com/WASasquatch/img2texture", requires: ["pillow"] },
    samv2: {
      repository: "https://github.com/rdancer/samv2",
      requires: [
        "torch",
        "torchvision",
        "numpy>=1.24.4",
        "tqdm>=4.66.1",
        "hydra-core>=1.3.2",
        "iopath>=0.1.10",
        "pillow>=9.4.0",
      ],
    },
  },
};

/** The same for a recipe of few nodes: without the packages that are only in git, and with bounds that no node declares. */
export const bootedResolution: Resolution = joinResolutions(
  { ...comfyuiResolution, gitPackages: {} },
  {
    // What the other recipes were booted with.
    additional: [
      { requirement: "transformers<5", reason: "none of its nodes declares that it works with 5" },
      { requirement: "numpy<2", reason: "none of its nodes declares that it works with 2" },
    ],
  },
);

/** What is in every ComfyUI image, as an SPDX expression. */
export const comfyuiLicences =
  "GPL-3.0-only AND Apache-2.0 AND MIT AND BSD-3-Clause AND PSF-2.0 AND LicenseRef-NVIDIA-CUDA";

/** What the layer `runtime` writes for pip and uv. */
const constraints = "/opt/strata/constraints.txt";

/** How every ComfyUI image runs. */
export function comfyuiRuntime(): ImageRuntime {
  return imageRuntime({
    ports: [8188, 8000, 8080],
    // For ComfyUI and its nodes. While models are fetched, however long, the health check says that all is well.
    startPeriodSeconds: 180,
    // NVENC and NVDEC: nodes offer ffmpeg's encoders h264_nvenc, hevc_nvenc and av1_nvenc.
    driverCapabilities: ["video"],
    // `docker exec CONTAINER pip install`: into the volume, where ComfyUI looks, and under the image's constraints.
    programs: "/opt/strata/runtime/bin",
    environment: { PIP_CONSTRAINT: constraints, UV_CONSTRAINT: constraints },
  });
}
