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
const ownFiles: ReadonlySet<string> = new Set([
  "configs",
  "kjnodes_fonts",
  "luts",
  "hyvid_embeds",
  "video_formats",
  "VHS_video_formats",
]);

/** The paths below ComfyUI's folder in which it looks for models of the folder `name`. */
export function modelFolders(name: string): readonly [string, ...string[]] {
  // A path is one already: models of a node that keeps them in its own folder.
  if (/^(models|custom_nodes)\//.test(name)) return [name];
  return places[name] ?? [`models/${name}`];
}

export function isBundledFolder(name: string): boolean {
  return ownFiles.has(name);
}
