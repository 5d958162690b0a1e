import type { ModelInput } from "../../locks/node-classes.ts";

/**
 * Inputs that name models and that reading the sources does not show: the choices are computed, or the files lie in a
 * folder of the node. By class and input. Each group was read in its repository at the commit in locks/nodes.json.
 */
export const curatedInputs: Readonly<Record<string, Readonly<Record<string, ModelInput>>>> = {
  // Fannovel16/ComfyUI-Frame-Interpolation: vfi_models/<kind>/__init__.py and config.yaml (`ckpts_path`). The folder's
  // name is part of the path, and strata installs nodes under their repository's name.
  "AMT VFI": frameInterpolation("amt"),
  "ATM VFI": frameInterpolation("atm"),
  "CAIN VFI": frameInterpolation("cain"),
  "FILM VFI": frameInterpolation("film"),
  "FLAVR VFI": frameInterpolation("flavr"),
  "IFRNet VFI": frameInterpolation("ifrnet"),
  "IFUnet VFI": frameInterpolation("ifunet"),
  "M2M VFI": frameInterpolation("m2m"),
  "MOMO VFI": frameInterpolation("momo"),
  "RIFE VFI": frameInterpolation("rife"),
  "STMFNet VFI": frameInterpolation("stmfnet"),
  "Sepconv VFI": frameInterpolation("sepconv"),

  // pythongosssss/ComfyUI-Custom-Scripts: py/better_combos.py, which inherits from ComfyUI's own loaders.
  "CheckpointLoader|pysssss": { ckpt_name: input("checkpoints", 0) },
  "LoraLoader|pysssss": { lora_name: input("loras", 0) },

  // rgthree/rgthree-comfy: py/lora_stack.py; the class's name is computed.
  "Lora Loader Stack (rgthree)": {
    lora_01: input("loras", 0),
    lora_02: input("loras", 2),
    lora_03: input("loras", 4),
    lora_04: input("loras", 6),
  },

  // city96/ComfyUI-GGUF at 795e451: nodes.py; all of them inherit the list of CLIPLoaderGGUF.
  DualCLIPLoaderGGUF: textEncoders(2),
  TripleCLIPLoaderGGUF: textEncoders(3),
  QuadrupleCLIPLoaderGGUF: textEncoders(4),

  // kijai/ComfyUI-KJNodes at 3f20054: nodes/model_optimization_nodes.py; the lists are made in a `try`.
  GGUFLoaderKJ: {
    model_name: input("unet_gguf", 0),
    extra_model_name: { folders: ["unet_gguf", "text_encoders"], widget: 1 },
  },

  // kijai/ComfyUI-WanVideoWrapper: nodes_model_loading.py, nodes.py, controlnet/nodes.py, fantasytalking/nodes.py and
  // multitalk/nodes.py. Classes that ComfyUI-Manager lists, newer than the locked commit.
  WanVideoVACEModelSelect: { vace_model: { folders: ["unet_gguf", "diffusion_models"], widget: 0 } },
  WanVideoExtraModelSelect: { extra_model: { folders: ["unet_gguf", "diffusion_models"], widget: 0 } },
  WanVideoTinyVAELoader: { model_name: input("vae_approx", 0) },
  WanVideoTextEncodeCached: { model_name: input("text_encoders", 0) },
  WanVideoControlnetLoader: { model: input("controlnet", 0) },
  FantasyTalkingModelLoader: { model: input("diffusion_models", 0) },
  MultiTalkModelLoader: { model: { folders: ["unet_gguf", "diffusion_models"], widget: 0 } },

  // Lightricks/ComfyUI-LTXVideo at aceeae9: low_vram_loaders.py; inherits from ComfyUI's own loader.
  LowVRAMCheckpointLoader: { ckpt_name: input("checkpoints", 0) },

  // Gourieff/ComfyUI-ReActor: nodes.py lists these folders itself.
  ReActorFaceSwap: reActor(1, 3),
  ReActorFaceSwapOpt: reActor(1, 3),
  ReActorRestoreFace: { model: input("facerestore_models", null) },

  // kijai/ComfyUI-segment-anything-2: nodes.py; fetched by the node itself where the file is not there.
  DownloadAndLoadSAM2Model: { model: input("sam2", 0) },

  // numz/ComfyUI-SeedVR2_VideoUpscaler: src/utils/constants.py (`SEEDVR2_FOLDER_NAME`); fetched by the node itself too.
  SeedVR2LoadDiTModel: { model: input("SEEDVR2", 0) },
  SeedVR2LoadVAEModel: { model: input("SEEDVR2", 0) },
};

/** The inputs of a class in this table; none for all others. */
export function curatedInputsOf(type: string): Readonly<Record<string, ModelInput>> {
  return Object.hasOwn(curatedInputs, type) ? (curatedInputs[type] ?? {}) : {};
}

/**
 * Where ComfyUI looks for models, as paths below its folder, by its own names for them; the first is where new files
 * belong. Names that are missing here are `models/<name>`.
 *
 * Sources: folder_paths.py of Comfy-Org/ComfyUI v0.33.0; nodes.py of city96/ComfyUI-GGUF (`unet_gguf`, `clip_gguf`);
 * ltdrdata/ComfyUI-Impact-Pack and -Subpack (their lists put `bbox/` or `segm/` before each name);
 * nodes.py of kijai/ComfyUI-CogVideoXWrapper; animatediff/utils_model.py of Kosinkadink/ComfyUI-AnimateDiff-Evolved.
 */
const places: Readonly<Record<string, readonly [string, ...string[]]>> = {
  text_encoders: ["models/text_encoders", "models/clip"],
  clip: ["models/text_encoders", "models/clip"],
  clip_gguf: ["models/text_encoders", "models/clip"],
  diffusion_models: ["models/diffusion_models", "models/unet"],
  unet: ["models/diffusion_models", "models/unet"],
  unet_gguf: ["models/diffusion_models", "models/unet"],
  controlnet: ["models/controlnet", "models/t2i_adapter"],
  ultralytics_bbox: ["models/ultralytics"],
  ultralytics_segm: ["models/ultralytics"],
  mmdets_bbox: ["models/mmdets"],
  mmdets_segm: ["models/mmdets"],
  cogvideox_loras: ["models/CogVideo/loras"],
  llm: ["models/LLM"],
};

/** Folders of files that a repository brings itself, or that a workflow writes: nothing to fetch. */
const bundledFolders: ReadonlySet<string> = new Set([
  "configs",
  "kjnodes_fonts",
  "luts",
  "hyvid_embeds",
  "video_formats",
  "VHS_video_formats",
  "inspire_prompts",
]);

/** The paths below ComfyUI's folder in which it looks for models of the folder `name`. */
export function modelFolders(name: string): readonly [string, ...string[]] {
  // A path is one already: models of a node that keeps them in its own folder.
  if (/^(models|custom_nodes)\//.test(name)) return [name];
  return (Object.hasOwn(places, name) ? places[name] : undefined) ?? [`models/${name}`];
}

export function isBundledFolder(name: string): boolean {
  return bundledFolders.has(name);
}

/** Values that stand where a file's name would, in lower case: no file is meant. */
export const noFile: ReadonlySet<string> = new Set([
  "",
  "none",
  "[none]",
  "undefined",
  "disabled",
  "auto",
  "baked vae",
  "pixel_space",
  "(use same)",
]);

/** VAEs of two files and of one in `vae_approx`: class VAELoader in nodes.py of ComfyUI v0.33.0. */
export const pictureVaes: ReadonlySet<string> = new Set(["taesd", "taesdxl", "taesd3", "taef1", "taef2"]);
export const videoVaes: readonly string[] = [
  "taehv",
  "lighttaew2_2",
  "lighttaew2_1",
  "lighttaehy1_5",
  "taeltx_2",
];

function input(folder: string, widget: number | null): ModelInput {
  return { folders: [folder], widget };
}

function reActor(swap: number, restore: number): Readonly<Record<string, ModelInput>> {
  return {
    swap_model: { folders: ["insightface", "reswapper", "hyperswap"], widget: swap },
    face_restore_model: input("facerestore_models", restore),
  };
}

function textEncoders(count: number): Readonly<Record<string, ModelInput>> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, place) => [
      `clip_name${place + 1}`,
      { folders: ["clip", "clip_gguf"], widget: place },
    ]),
  );
}

function frameInterpolation(kind: string): Readonly<Record<string, ModelInput>> {
  return { ckpt_name: input(`custom_nodes/ComfyUI-Frame-Interpolation/ckpts/${kind}`, 0) };
}
