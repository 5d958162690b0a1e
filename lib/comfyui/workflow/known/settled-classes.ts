/**
 * Classes whose code looks as if it loaded more than their inputs name, and that people have read: why it does not. At the
 * commits in locks/nodes.json.
 */
const settledClasses: Readonly<Record<string, readonly string[]>> = {
  // Comfy-Org/ComfyUI: comfy/sd.py, comfy/sd1_clip.py and the files of comfy/text_encoders.
  "opens the files that its inputs name; tokenizers and configurations lie in ComfyUI": [
    ...["CLIPLoader", "DualCLIPLoader", "TripleCLIPLoader", "QuadrupleCLIPLoader", "LTXAVTextEncoderLoader"],
    ...["CheckpointLoader", "CheckpointLoaderSimple", "ImageOnlyCheckpointLoader", "unCLIPCheckpointLoader"],
    ...["CreateHookModelAsLora", "CreateHookModelAsLoraModelOnly", "UNETLoader", "LoadDA3Model"],
  ],
  // Comfy-Org/ComfyUI: nodes.py (`VAELoader`), comfy/sd.py (`VAE`), comfy/taesd/taesd.py.
  "opens the file that its input names, or the two halves of a small one": [
    "VAELoader",
    "LTXVAudioVAELoader",
  ],
  // Comfy-Org/ComfyUI: comfy_extras/nodes_dataset.py. Lightricks/ComfyUI-LTXVideo: nodes of the same kind.
  "reads what another workflow has written": ["LoadTrainingDataset", "LTXVLoadConditioning"],
  // WASasquatch/was-node-suite-comfyui: WAS_Node_Suite.py. ltdrdata/ComfyUI-Inspire-Pack: inspire/lora_block_weight.py.
  // kijai/ComfyUI-WanVideoWrapper: nodes.py (`sparge_wan.pt`).
  "writes and reads files of its own": ["Load Cache", "SaveLBW //Inspire", "WanVideoSampler"],
  // numz/ComfyUI-SeedVR2_VideoUpscaler: pos_emb.pt and neg_emb.pt; models come from the nodes before it.
  "reads what its repository brings": ["SeedVR2VideoUpscaler"],
  // WASasquatch/was-node-suite-comfyui: WAS_Node_Suite.py (`cv2.data.haarcascades`).
  "reads the cascades that OpenCV brings": ["Image Crop Face"],
  // jags111/efficiency-nodes-comfyui: efficiency_nodes.py. ltdrdata/ComfyUI-Impact-Pack and -Subpack: impact_pack.py and
  // subpack_nodes.py (ESAM, which other nodes load, is no file). kijai/ComfyUI-segment-anything-2: nodes.py.
  "opens the files that its inputs, or the nodes before it, name": [
    ...["Efficient Loader", "Eff. Loader SDXL", "SAMLoader", "UltralyticsDetectorProvider"],
    ...["DownloadAndLoadSAM2Model", "CheckpointLoader|pysssss", "LoraLoader|pysssss"],
  ],
};

const reasons = new Map(
  Object.entries(settledClasses).flatMap(([reason, types]) => types.map((type) => [type, reason] as const)),
);

/** Why a class needs no other files than its inputs name; undefined for a class that nobody had to read. */
export function settled(type: string): string | undefined {
  return reasons.get(type);
}
