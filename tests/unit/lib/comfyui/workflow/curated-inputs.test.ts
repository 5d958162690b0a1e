import assert from "node:assert/strict";
import { test } from "node:test";
import { analyse } from "../../../../../lib/comfyui/workflow/analyse.ts";
import { isBundledFolder, modelFolders } from "../../../../../lib/comfyui/workflow/curated-inputs.ts";
import { fetchesItself } from "../../../../../lib/comfyui/workflow/known/self-loading.ts";
import { apiNode, editorFile, editorNode, read, someIndex, toBytes } from "../../../../support/workflows.ts";

/** The first folder and the name of every file that one node asks for. */
const pathsOf = (bytes: Buffer) =>
  analyse([read(bytes)], someIndex).files.map(({ folders, name }) => `${folders[0]}/${name}`);
const named = (type: string, inputs: Record<string, unknown>) =>
  pathsOf(toBytes({ "1": apiNode(type, inputs), "2": apiNode("SaveImage", { any: ["1", 0] }) }));
/** As an older editor saves it: values without names. */
const placed = (type: string, values: unknown[]) =>
  pathsOf(editorFile([{ ...editorNode(1, type), inputs: [], widgets_values: values, outputs: [] }]));

test("frame interpolation keeps each kind of model in a folder of its own", () => {
  for (const kind of "AMT ATM CAIN FILM FLAVR IFRNet IFUnet M2M MOMO RIFE STMFNet Sepconv".split(" ")) {
    const folder = `custom_nodes/ComfyUI-Frame-Interpolation/ckpts/${kind.toLowerCase()}`;
    assert.deepEqual(named(`${kind} VFI`, { ckpt_name: "a.pth" }), [`${folder}/a.pth`]);
    assert.deepEqual(placed(`${kind} VFI`, ["a.pth", "b.pth"]), [`${folder}/a.pth`]);
  }
});

for (const [type, input, folder, place] of [
  ["CheckpointLoader|pysssss", "ckpt_name", "models/checkpoints", 0],
  ["LoraLoader|pysssss", "lora_name", "models/loras", 0],
  ["Lora Loader Stack (rgthree)", "lora_01", "models/loras", 0],
  ["Lora Loader Stack (rgthree)", "lora_02", "models/loras", 2],
  ["Lora Loader Stack (rgthree)", "lora_03", "models/loras", 4],
  ["Lora Loader Stack (rgthree)", "lora_04", "models/loras", 6],
  ["ReActorFaceSwap", "face_restore_model", "models/facerestore_models", null],
  ["ReActorRestoreFace", "model", "models/facerestore_models", null],
  ["DownloadAndLoadSAM2Model", "model", "models/sam2", 0],
  ["SeedVR2LoadDiTModel", "model", "models/SEEDVR2", 0],
  ["SeedVR2LoadVAEModel", "model", "models/SEEDVR2", 0],
] as const) {
  test(`${type} finds its ${input} in ${folder}`, () => {
    assert.deepEqual(named(type, { [input]: "a.safetensors" }), [`${folder}/a.safetensors`]);
    if (place === null) return;
    const values = Array.from({ length: 8 }, (_, index) => (index === place ? "a.safetensors" : "None"));
    assert.deepEqual(placed(type, values), [`${folder}/a.safetensors`]);
  });
}

test("ComfyUI's names for folders are paths, the first of which takes new files", () => {
  const encoders = ["models/text_encoders", "models/clip"];
  const unets = ["models/diffusion_models", "models/unet"];
  for (const name of ["text_encoders", "clip", "clip_gguf"])
    assert.deepEqual(modelFolders(name), encoders, name);
  for (const name of ["diffusion_models", "unet", "unet_gguf"])
    assert.deepEqual(modelFolders(name), unets, name);
  for (const [name, folder] of [
    ["ultralytics_bbox", "ultralytics"],
    ["ultralytics_segm", "ultralytics"],
    ["mmdets_bbox", "mmdets"],
    ["mmdets_segm", "mmdets"],
    ["cogvideox_loras", "CogVideo/loras"],
    ["llm", "LLM"],
    ["vae", "vae"],
    ["own/models/x", "own/models/x"],
  ] as const) {
    assert.deepEqual(modelFolders(name), [`models/${folder}`]);
  }
  assert.deepEqual(modelFolders("controlnet"), ["models/controlnet", "models/t2i_adapter"]);
  for (const path of ["models/x", "custom_nodes/x/y"]) assert.deepEqual(modelFolders(path), [path]);
});

test("what a repository brings or a workflow writes is nothing to fetch", () => {
  for (const name of [
    "configs",
    "kjnodes_fonts",
    "luts",
    "hyvid_embeds",
    "video_formats",
    "VHS_video_formats",
  ])
    assert.ok(isBundledFolder(name), name);
  assert.ok(!isBundledFolder("vae"));
});

test("words that stand where a file would are no file, in any case", () => {
  for (const word of ["", "None", "[none]", "undefined", "Disabled", "auto", "Baked VAE", "pixel_space"]) {
    const workflow = read(
      toBytes({ "1": apiNode("VAELoader", { vae_name: word }), "2": apiNode("X", { v: ["1", 0] }) }),
    );
    const { files, unresolved } = analyse([workflow], someIndex);
    assert.deepEqual([files, unresolved], [[], []], word);
  }
});

test("small VAEs are two files for pictures, and one of the same folder for videos", () => {
  for (const name of ["taesd", "taesdxl", "taesd3", "taef1", "taef2"]) {
    const halves = ["decoder", "encoder"].map((half) => `models/vae_approx/${name}_${half}`);
    assert.deepEqual(named("VAELoader", { vae_name: name }), halves);
  }
  for (const name of ["taehv", "lighttaew2_2", "lighttaew2_1", "lighttaehy1_5", "taeltx_2"]) {
    const file = `${name}.safetensors`;
    assert.deepEqual(named("VAELoader", { vae_name: file }), [`models/vae_approx/${file}`]);
    assert.deepEqual(named("VAELoader", { vae_name: `x${file}` }), [`models/vae/x${file}`]);
    // A loader that does not look there has its file where it looks.
    assert.deepEqual(named("LoraLoaderModelOnly", { lora_name: file }), [`models/loras/${file}`]);
  }
});

test("a class that fetches by itself is known by how its name begins or ends", () => {
  for (const type of ["DownloadAndLoadX", "(Down)LoadX", "DWPreprocessor"])
    assert.ok(fetchesItself(type), type);
  for (const type of ["XDownloadAndLoad", "X(Down)Load", "PreprocessorX"])
    assert.ok(!fetchesItself(type), type);
});
