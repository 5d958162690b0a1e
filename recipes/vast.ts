import { attention } from "../layers/attention/layer.ts";
import { caddy } from "../layers/caddy/layer.ts";
import { cloudflared } from "../layers/cloudflared/layer.ts";
import { comfyui } from "../layers/comfyui/layer.ts";
import { cpython } from "../layers/cpython/layer.ts";
import { cuda } from "../layers/cuda/layer.ts";
import { door } from "../layers/door/layer.ts";
import { instance, instancePorts } from "../layers/instance/layer.ts";
import { jupyter } from "../layers/jupyter/layer.ts";
import { layout } from "../layers/layout/layer.ts";
import { nodeGroup } from "../layers/nodes/layer.ts";
import { comfyuiPackages, nodePackages, packageGroup } from "../layers/packages/layer.ts";
import { portal } from "../layers/portal/layer.ts";
import { python } from "../layers/python/layer.ts";
import { runtime } from "../layers/runtime/layer.ts";
import { services } from "../layers/services/layer.ts";
import { comfyuiAptPackages, systemWith } from "../layers/system/layer.ts";
import { tensorrt } from "../layers/tensorrt/layer.ts";
import { torch } from "../layers/torch/layer.ts";
import type { NodeGroup } from "../lib/comfyui/custom-nodes.ts";
import type { AptChoice } from "../lib/recipe/layer.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";
import { bootedResolution, comfyuiLicences, comfyuiRuntime, comfyuiSource } from "./comfyui.ts";
import { node } from "./comfyui-nodes.ts";
import { buildLayers } from "./common.ts";

const groups: readonly NodeGroup[] = [
  {
    name: "essentials",
    summary: "the manager, and nodes that most workflows use",
    nodes: [node("Comfy-Org/ComfyUI-Manager"), node("cubiq/ComfyUI_essentials")],
  },
];

/** What people who rent a machine work with in a shell. */
const shellPackages = [
  "file",
  "git-lfs",
  "hcloud-cli",
  "htop",
  "iproute2",
  "jq",
  "less",
  "lsof",
  "nano",
  "openssh-client",
  "openssh-server",
  "openssl",
  "procps",
  // In the launch mode `jupyter` the platform installs its own Jupyter with the system's Python.
  "python3-pip",
  "python3-venv",
  "rsync",
  "sudo",
  "tmux",
  "unzip",
  "vim-tiny",
  "zip",
];

/** AWS CLI v2 is in Debian. Ubuntu 24.04 has none, and its own archive cannot be pinned: it is replaced in place. */
const hasAwsCli = ({ base }: AptChoice) => base.name.startsWith("debian-");

const system = systemWith({
  packages: (context) => [...comfyuiAptPackages, ...shellPackages, ...(hasAwsCli(context) ? ["awscli"] : [])],
  setup: "shared/instance-system.sh",
  lacks: (context) =>
    hasAwsCli(context)
      ? []
      : [`no AWS CLI: ${context.base.name} has no package of version 2; strata:base: debian-bookworm has.`],
});

/** What notebooks and training scripts import, beside what ComfyUI brings. */
const workbench = packageGroup("workbench", "transformers, accelerate and what notebooks start with", () => [
  "accelerate",
  "datasets",
  "diffusers",
  "huggingface-hub",
  "ipykernel",
  "ipywidgets",
  "matplotlib",
  // Only packages ask for these two, under the names that they stand in for: no layer would install them. rembg ends the
  // process that imports it without the second.
  "onnxruntime-gpu",
  "opencv-contrib-python-headless",
  "pandas",
  "peft",
  // ComfyUI-Manager and people install nodes with them; uv does not make environments with pip in them.
  "pip",
  "uv",
  "safetensors",
  "scikit-learn",
  "sentencepiece",
  // torch.utils.tensorboard writes with it; who shows it has its own.
  "tensorboard",
  "tqdm",
  "transformers",
]);

const layers = [
  system,
  cpython,
  cuda,
  python,
  torch,
  tensorrt,
  workbench,
  attention,
  comfyuiPackages,
  nodePackages,
  services,
  caddy,
  cloudflared,
  comfyui,
  ...groups.map(nodeGroup),
  jupyter,
  portal,
  door,
  instance,
  layout,
  runtime,
];

/**
 * A rented machine of one's own, on vast.ai, RunPod or any Docker: JupyterLab, ComfyUI, TensorBoard, SSH, one login
 * before all of them, tunnels and a portal (docs/vast.md).
 */
export const vast: Recipe = {
  name: "vast",
  summary: "A rented machine: ComfyUI, JupyterLab, TensorBoard and SSH behind one login, tunnels, a portal",
  layers,
  buildLayers: buildLayers(layers),
  comfyui: { source: comfyuiSource, groups },
  resolution: bootedResolution,
  licences: comfyuiLicences,
  sizeBudget: "5.0 GB",
  runtime: () => {
    const { environment } = comfyuiRuntime();
    // pip's are in the environment's own settings (layers/layout): the platform's Jupyter comes by the system's pip.
    const { PIP_CONSTRAINT: _, ...variables } = environment;
    return {
      user: "root",
      environment: {
        ...variables,
        PATH: "/opt/instance-tools/bin:/venv/main/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        VIRTUAL_ENV: "/venv/main",
        PIP_BREAK_SYSTEM_PACKAGES: "1",
        UV_LINK_MODE: "copy",
        UV_NO_CACHE: "1",
      },
      ports: instancePorts,
      entrypoint: ["/opt/instance-tools/bin/entrypoint.sh"],
      // The services here are others, and under another manager.
      healthcheck: { command: ["/opt/instance-tools/bin/healthcheck"], startPeriodSeconds: 180 },
    };
  },
};
