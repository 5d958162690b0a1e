import { packageGroup } from "../layers/packages/layer.ts";
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

const pak3 = packageGroup("pak3", "diffusers, transformers and what they stand on", () => [
  "accelerate",
  "diffusers",
  "ftfy",
  "huggingface-hub",
  "imageio[ffmpeg]",
  "joblib",
  "kornia",
  "matplotlib",
  "nvidia-ml-py",
  "omegaconf",
  "onnx",
  "onnxruntime-gpu",
  "opencv-contrib-python-headless",
  "pandas",
  "pilgram",
  "pillow",
  "pygit2",
  "python-ffmpeg",
  "regex",
  "scikit-build-core",
  "scikit-image",
  "scikit-learn",
  "scipy",
  "timm",
  "torchmetrics",
  "transformers",
  "compel",
  "lark",
  "fairscale",
  "torchdiffeq",
]);

const cupy = packageGroup("cupy", "NumPy's interface on CUDA, large and rarely changed", ({ set }) => [
  `cupy-cuda${set.cuda.split(".")[0]}x`,
]);

const pak5 = packageGroup("pak5", "the tools of many nodes: data, text, images, meshes", () => [
  "addict",
  "aiohttp",
  "albumentations",
  "alembic",
  "av",
  "black",
  "blend-modes",
  "cachetools",
  "chardet",
  "clip-interrogator",
  "color-matcher",
  "colour-science",
  "decord",
  "deepdiff",
  "dill",
  "einops",
  "filelock",
  "fvcore",
  "gguf",
  "GitPython",
  "hydra-core",
  "imageio-ffmpeg",
  "importlib-metadata",
  "iopath",
  "loguru",
  "mss",
  "numba",
  "numexpr",
  "peft",
  "piexif",
  "pixeloe",
  "protobuf",
  "psutil",
  "py-cpuinfo",
  "pycocotools",
  "pydantic-settings",
  "pydantic",
  "pydub",
  "PyGithub",
  "pymatting",
  "pynvml",
  "python-dateutil",
  "pyyaml",
  "qrcode[pil]",
  "rembg",
  "requirements-parser",
  "rich",
  "rich-argparse",
  "rotary-embedding-torch",
  "safetensors",
  "segment-anything",
  "sentencepiece",
  "shapely",
  "simpleeval",
  "spandrel",
  "SQLAlchemy",
  "tokenizers",
  "toml",
  "tomli",
  "torchsde",
  "tqdm",
  "transparent-background",
  "trimesh[easy]",
  "typer",
  "typing-extensions",
  "ultralytics",
  "uv",
  "webcolors",
  "yacs",
  "yapf",
  "yarl",
]);

const pak7 = packageGroup("pak7", "faces, and packages that are only in git", () => [
  "dlib",
  "facexlib",
  "insightface",
  "clip",
  "cozy-comfyui",
  "cstr",
  "ffmpy",
  "img2texture",
]);

const groups: readonly NodeGroup[] = [
  {
    name: "general",
    summary: "management, workspace and general-purpose nodes",
    nodes: [
      // Manager
      node("Comfy-Org/ComfyUI-Manager"),
      // Workspace
      node("Amorano/Jovi_Colorizer"),
      node("Amorano/Jovi_Help"),
      node("Amorano/Jovi_Measure"),
      node("Amorano/Jovi_Preset"),
      node("crystian/ComfyUI-Crystools"),
      // General
      node("Amorano/Jovimetrix"),
      node("bash-j/mikey_nodes"),
      node("chrisgoringe/cg-use-everywhere"),
      node("jags111/efficiency-nodes-comfyui"),
      node("kijai/ComfyUI-KJNodes"),
      node("ltdrdata/was-node-suite-comfyui"),
      node("pythongosssss/ComfyUI-Custom-Scripts"),
      node("rgthree/rgthree-comfy"),
      node("shiimizu/ComfyUI_smZNodes"),
      node("yolain/ComfyUI-Easy-Use"),
    ],
  },
  {
    name: "control",
    summary: "ControlNet, prompts, detail and layers",
    nodes: [
      // Control
      node("chflame163/ComfyUI_LayerStyle"),
      node("Fannovel16/comfyui_controlnet_aux"),
      node("florestefano1975/comfyui-portrait-master"),
      node("huchenlei/ComfyUI-layerdiffuse"),
      node("kijai/ComfyUI-Florence2"),
      node("Kosinkadink/ComfyUI-Advanced-ControlNet"),
      node("ltdrdata/ComfyUI-Impact-Pack"),
      node("ltdrdata/ComfyUI-Impact-Subpack"),
      node("ltdrdata/ComfyUI-Inspire-Pack"),
      node("mcmonkeyprojects/sd-dynamic-thresholding"),
      node("twri/sdxl_prompt_styler"),
    ],
  },
  {
    name: "video",
    summary: "animation, frame interpolation, video upscaling",
    nodes: [
      // Video
      node("Fannovel16/ComfyUI-Frame-Interpolation"),
      node("FizzleDorf/ComfyUI_FizzNodes"),
      node("Kosinkadink/ComfyUI-AnimateDiff-Evolved"),
      node("Kosinkadink/ComfyUI-VideoHelperSuite"),
      node("melMass/comfy_mtb"),
      node("numz/ComfyUI-SeedVR2_VideoUpscaler"),
    ],
  },
  {
    name: "more",
    summary: "quantised models, taggers, and nodes that their authors no longer maintain",
    nodes: [
      // Performance
      node("city96/ComfyUI-GGUF"),
      node("nunchaku-tech/ComfyUI-nunchaku"),
      node("welltop-cn/ComfyUI-TeaCache", {
        disabled: "off unless somebody wants it, as the images before it had it",
      }),
      // More
      node("pythongosssss/ComfyUI-WD14-Tagger"),
      node("SLAPaper/ComfyUI-Image-Selector"),
      node("ssitu/ComfyUI_UltimateSDUpscale"),
      // To be removed in future
      node("cubiq/ComfyUI_essentials"),
      node("cubiq/ComfyUI_FaceAnalysis"),
      node("cubiq/ComfyUI_InstantID"),
      node("cubiq/ComfyUI_IPAdapter_plus"),
      node("cubiq/PuLID_ComfyUI"),
      node("Gourieff/ComfyUI-ReActor", {
        disabled: "off unless somebody wants it, as the images before it had it",
      }),
    ],
  },
];

const layers = comfyuiLayers({ groups, packages: [pak3, cupy, pak5, pak7] });

export const megapak: Recipe = {
  name: "megapak",
  summary: "ComfyUI with 43 custom nodes and every package that users ask for, on 8188, a back end on 8000",
  layers,
  buildLayers: buildLayers(layers),
  comfyui: { source: comfyuiSource, groups },
  resolution: joinResolutions(comfyuiResolution, {
    additional: [
      { requirement: "transformers<5", reason: "none of its nodes declares that it works with 5" },
    ],
    gitPackages: {
      clip: {
        repository: "https://github.com/openai/CLIP",
        requires: ["ftfy", "packaging", "regex", "tqdm", "torch", "torchvision"],
      },
      "cozy-comfyui": {
        repository: "https://github.com/cozy-comfyui/cozy_comfyui",
        requires: [
          "aenum",
          "aiohttp",
          "blendmodes",
          "daltonlens",
          "loguru",
          "matplotlib",
          "numba",
          "numpy>=1.25.0",
          "opencv-contrib-python",
          "pillow",
          "requests",
          "scikit-image",
          "scikit-learn",
        ],
      },
    },
  }),
  licences: comfyuiLicences,
  sizeBudget: "6.5 GB",
  runtime: comfyuiRuntime,
  defaults: {
    base: "ubuntu-24.04",
    python: "3.12",
    // Its users install further nodes, and not every package of those has a wheel.
    buildTools: true,
    // The recipe's name, as studio may be in the same repository.
    tags: ["{recipe}-latest-{generation}", "{recipe}-sha-{commit}-{generation}", "{recipe}-{generation}"],
  },
};
