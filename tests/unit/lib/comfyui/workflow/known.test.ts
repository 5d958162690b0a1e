import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../../home.ts";
import { analyse } from "../../../../../lib/comfyui/workflow/analyse.ts";
import { classIndex } from "../../../../../lib/comfyui/workflow/class-index.ts";
import { compare } from "../../../../../lib/comfyui/workflow/compare.ts";
import { unnamedFiles } from "../../../../../lib/comfyui/workflow/known/unnamed-files.ts";
import { nodeClassesPath, parseNodeClasses } from "../../../../../lib/locks/node-classes.ts";
import { apiNode, editorFile, editorNode, read, toBytes } from "../../../../support/workflows.ts";

const classes = classIndex(parseNodeClasses(readFileSync(join(repository, nodeClassesPath), "utf8")));

/** What one node asks for, by the classes that strata's lock has. */
function asked(bytes: Buffer): { files: string[]; unknown: string[] } {
  const { files, unresolved } = analyse([read(bytes)], classes);
  return {
    files: files.map(({ folders, name }) => `${folders[0]}/${name}`),
    unknown: unresolved.map(({ problem }) => problem),
  };
}
const named = (type: string, inputs: object) =>
  asked(toBytes({ "1": apiNode(type, { ...inputs }), "2": apiNode("SaveImage", { any: ["1", 0] }) }));
/** As an older editor saves it: values without names. */
const placed = (type: string, values: unknown[]) =>
  asked(editorFile([{ ...editorNode(1, type), inputs: [], widgets_values: values, outputs: [] }]));

test("a preset of IPAdapter's unified loaders means the files that the node's own table has", () => {
  const vision = "models/clip_vision/CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors";
  assert.deepEqual(placed("IPAdapterUnifiedLoader", ["FULL FACE - SD1.5 only (portraits stronger)"]), {
    files: [vision, "models/ipadapter/ip-adapter-full-face_sd15.safetensors"],
    unknown: [],
  });
  // Which of two depends on the checkpoint.
  assert.deepEqual(named("IPAdapterUnifiedLoader", { preset: "PLUS FACE (portraits)" }), {
    files: [vision],
    unknown: [
      "needs models/ipadapter/ip-adapter-plus-face_sd15.safetensors with a checkpoint of SD 1.5, or models/ipadapter/ip-adapter-plus-face_sdxl_vit-h.safetensors with one of SDXL.",
    ],
  });
  assert.deepEqual(named("IPAdapterUnifiedLoaderFaceID", { preset: "FACEID PLUS - SD1.5 only" }), {
    files: [
      vision,
      "models/ipadapter/ip-adapter-faceid-plus_sd15.bin",
      "models/loras/ip-adapter-faceid-plus_sd15_lora.safetensors",
    ],
    unknown: [
      "needs InsightFace's model buffalo_l (models/insightface/models/buffalo_l), which no input names.",
    ],
  });
  assert.deepEqual(named("IPAdapterUnifiedLoaderCommunity", { preset: "Kolors" }).files, [
    "models/clip_vision/clip-vit-large-patch14-336.bin",
    "models/ipadapter/Kolors-IP-Adapter-Plus.bin",
  ]);
  assert.match(
    named("IPAdapterUnifiedLoader", { preset: "VIT-G (medium strength)" }).files[0] ?? "",
    /ViT-bigG/,
  );
});

test("a preset that is not known, or made when it runs, is no reason to say nothing", () => {
  for (const preset of ["New one", ["9", 0], undefined])
    assert.match(
      named("IPAdapterUnifiedLoader", { preset }).unknown[0] ?? "",
      /preset.* and needs the files that it means\./,
    );
});

test("the lock's file counts where the node would find it by its pattern, and no other", () => {
  const entry = (name: string, folder: string) => ({
    ...{
      name,
      folder,
      licence: null,
      source: "x",
      url: `https://h/${name}`,
      size: 1,
      sha256: null,
      gated: null,
    },
  });
  const report = (type: string, inputs: object, names: [string, string][]) => {
    const needs = analyse([read(toBytes({ "1": apiNode(type, { ...inputs }) }))], classes);
    const lock = { models: [], incomplete: names.map(([folder, name]) => entry(name, folder)) };
    return compare(needs, lock, classes).files.map(({ folder, name, state }) => `${state} ${folder}/${name}`);
  };
  const full = { preset: "FULL FACE - SD1.5 only (portraits stronger)" };
  assert.deepEqual(
    report("IPAdapterUnifiedLoader", full, [
      ["models/clip_vision", "sd1.5 model.safetensors"],
      ["models/ipadapter", "my-full-face_sd15.bin"],
      ["models/loras", "full-face_sd15.bin"],
    ]),
    [
      "incomplete models/clip_vision/sd1.5 model.safetensors",
      "incomplete models/ipadapter/my-full-face_sd15.bin",
    ],
  );
  const tag = { wildcard_text: "<lora:v1.5>", populated_text: "" };
  assert.deepEqual(report("ImpactWildcardEncode", tag, [["models/loras", "deep/v1.5.pt"]]), [
    "incomplete models/loras/deep/v1.5.pt",
  ]);
  assert.deepEqual(report("ImpactWildcardEncode", tag, [["models/loras", "v1x5.pt"]]), [
    "missing models/loras/v1.5",
  ]);
});

test("classes that read tags in their texts ask for the LoRAs, whatever their ending; others do not", () => {
  const text = "<lora:folder\\name V2:0.8:1:LBW=0,A;B=1.5>, cat <LORA:two> <lora:own.pt:1><lora:none:0>";
  const files = ["models/loras/folder/name V2", "models/loras/own.pt", "models/loras/two"];
  for (const [type, input] of [
    ["ImpactWildcardEncode", "wildcard_text"],
    ["WildcardEncode //Inspire", "populated_text"],
    ["MakeBasicPipe //Inspire", "positive_wildcard_text"],
    ["FaceDetailer", "wildcard"],
    ["DetailerForEachDebug", "wildcard"],
    ["ToDetailerPipe", "wildcard"],
    ["Power Prompt (rgthree)", "prompt"],
    ["SDXL Power Prompt - Positive (rgthree)", "prompt_l"],
    ["easy fullLoader", "positive"],
    ["easy loraPromptApply", "positive"],
    ["WildcardAndLoraSyntaxProcessor", "text"],
  ] as const) {
    assert.deepEqual(named(type, { [input]: text }).files, files, type);
    const { unknown } = named(type, { [input]: ["9", 0] });
    assert.match(unknown.join(), /when it runs, and loads the LoRAs that it names\./, type);
  }
  assert.deepEqual(named("CLIPTextEncode", { text }), { files: [], unknown: [] });
  assert.deepEqual(named("Power Prompt (rgthree)", { prompt: text, insert_lora: "DISABLE LORAS" }).files, []);
  assert.deepEqual(named("Nobodys Prompt", { text: "<lora:a:1>" }).unknown, [
    "has <lora:a> in its text, and whether it loads that is not known.",
  ]);
});

test("the caption of a box is no file", () => {
  const values = [
    "a cat",
    "a cat",
    "populate",
    "Select the LoRA to add to the text",
    "Select the Wildcard to add",
    1,
  ];
  assert.deepEqual(placed("ImpactWildcardEncode", values), { files: [], unknown: [] });
  assert.deepEqual(
    named("easy wildcards", { "Select to add LoRA": "Select the LoRA to add to the text" }).unknown,
    [],
  );
});

test("a prompt of an embedding alone is no file in a folder that nobody knows", () => {
  assert.deepEqual(placed("CLIPTextEncode", ["embedding:Easy.pt"]), {
    files: ["models/embeddings/Easy.pt"],
    unknown: [],
  });
});

test("of nodes that take any number of files those count that are in use", () => {
  const stack = {
    toggle: true,
    mode: "simple",
    num_loras: 2,
    lora_1_name: "a.safetensors",
    lora_2_name: "None",
    lora_3_name: "c.safetensors",
  };
  assert.deepEqual(named("easy loraStack", stack), { files: ["models/loras/a.safetensors"], unknown: [] });
  assert.deepEqual(named("easy loraStack", { ...stack, toggle: false }), { files: [], unknown: [] });
  assert.deepEqual(
    placed("easy loraStack", [true, "simple", 1, "a.safetensors", 1, 1, 1, "b.safetensors", 1, 1, 1]),
    {
      files: ["models/loras/a.safetensors"],
      unknown: [],
    },
  );
  assert.deepEqual(placed("LoRA Stacker", ["simple", 2, "a.pt", 1, 1, 1, "b.pt", 1, 1, 1, "c.pt", 1, 1, 1]), {
    files: ["models/loras/a.pt", "models/loras/b.pt"],
    unknown: [],
  });
  assert.deepEqual(placed("NunchakuFluxLoraStack", ["a.pt", 1, "None", 1]).files, ["models/loras/a.pt"]);
  assert.deepEqual(placed("WanVideoLoraSelectMulti", ["W\\a.pt", 1, "none", 1, "b.pt", 1]).files, [
    "models/loras/W/a.pt",
    "models/loras/b.pt",
  ]);
  const managed = [
    { name: "on", active: true },
    { name: "off", active: false },
  ];
  for (const loras of [managed, { __value__: managed }])
    assert.deepEqual(named("Lora Loader (LoraManager)", { text: "<lora:off:1>", loras }), {
      files: ["models/loras/on"],
      unknown: [],
    });
});

test("loaders of nodes that strata ships know their folders", () => {
  for (const [type, values, folder] of [
    ["DualCLIPLoaderGGUF", ["a.gguf", "b.safetensors", "flux"], "text_encoders"],
    ["TripleCLIPLoaderGGUF", ["a.gguf", "b.gguf", "c.gguf"], "text_encoders"],
    ["QuadrupleCLIPLoaderGGUF", ["a.gguf", "b.gguf", "c.gguf", "d.gguf"], "text_encoders"],
    ["GGUFLoaderKJ", ["a.gguf", "none", "default"], "diffusion_models"],
    ["WanVideoVACEModelSelect", ["a.gguf"], "diffusion_models"],
    ["WanVideoExtraModelSelect", ["a.gguf"], "diffusion_models"],
    ["WanVideoTinyVAELoader", ["taew2_1.safetensors", "fp16"], "vae_approx"],
    ["WanVideoTextEncodeCached", ["a.safetensors", "bf16", "x", "y"], "text_encoders"],
    ["WanVideoControlnetLoader", ["a.safetensors", "bf16"], "controlnet"],
    ["FantasyTalkingModelLoader", ["a.safetensors", "bf16"], "diffusion_models"],
    ["MultiTalkModelLoader", ["a.gguf", "bf16"], "diffusion_models"],
    ["LowVRAMCheckpointLoader", ["a.safetensors"], "checkpoints"],
  ] as const) {
    const files = values
      .filter((value) => /\.(gguf|safetensors)$/.test(value))
      .map((value) => `models/${folder}/${value}`);
    assert.deepEqual(placed(type, [...values]), { files, unknown: [] }, type);
  }
  const swap = placed("ReActorFaceSwap", [
    true,
    "inswapper_128.onnx",
    "retinaface_resnet50",
    "GFPGANv1.4.pth",
    1,
  ]);
  assert.deepEqual(swap.files, [
    "models/facerestore_models/GFPGANv1.4.pth",
    "models/insightface/inswapper_128.onnx",
  ]);
});

test("classes that load what no input names say so, and preprocessors that compute do not", () => {
  for (const type of [
    ...[
      "InstantIDFaceAnalysis",
      "PulidEvaClipLoader",
      "PulidInsightFaceLoader",
      "WD14Tagger|pysssss",
      "ReActorFaceSwap",
    ],
    ...["IPAdapterInsightFaceLoader", "DiffusersLoader", "CLIPSegDetectorProvider", "LayeredDiffusionApply"],
    ...[
      "easy imageRemBg",
      "Load Film Model (mtb)",
      "LayerMask: RemBgUltra",
      "BLIP Model Loader",
      "NunchakuPuLIDLoaderV2",
    ],
  ])
    assert.match(named(type, {}).unknown.join(), /needs files that it does not name: /, type);
  // Nobody wrote these down: their code says so, and what it names.
  for (const [type, said] of Object.entries({
    DWPreprocessor: /its code uses .*hf_hub_download/,
    AnyLineArtPreprocessor_aux: /MTEED\.pth/,
    "OpenPose_Preprocessor_Provider_for_SEGS //Inspire": /may fetch weights by itself/,
  }))
    assert.match(named(type, {}).unknown.join(), said, type);
  for (const type of ["CannyEdgePreprocessor", "TilePreprocessor", "FaceKeypointsPreprocessor"])
    assert.deepEqual(named(type, {}).unknown, [], type);
});

test("what the table of unnamed files has are classes of locked repositories", () => {
  for (const [owner, files] of Object.entries(unnamedFiles))
    for (const type of Object.keys(files))
      assert.ok(classes.repositoriesOf(type).includes(owner), `${owner}: ${type}`);
});

test("a model of several parts is all of them, and what lies beside them", () => {
  const url = "https://h/m/model-00002-of-00003.safetensors";
  const models = [{ name: "model-00002-of-00003.safetensors", directory: "text_encoders", url }];
  const node = editorNode(
    1,
    "CLIPLoader",
    { clip_name: "g\\model-00002-of-00003.safetensors" },
    { properties: { models }, outputs: [] },
  );
  const { files, unresolved } = analyse([read(editorFile([node]))], classes);
  assert.deepEqual(
    files.map(({ name, url }) => [name, url]),
    ["1", "2", "3"].map((part) => [
      `g/model-0000${part}-of-00003.safetensors`,
      `https://h/m/model-0000${part}-of-00003.safetensors`,
    ]),
  );
  assert.deepEqual(
    unresolved.map(({ problem }) => problem),
    [
      "reads what lies beside the parts of its model in models/text_encoders/g: their index, a configuration, a tokenizer. No input names these.",
    ],
  );
  const odd = { clip_name: "model-00001-of-99999.safetensors" };
  assert.equal(named("CLIPLoader", odd).files.length, 1, "more than any model has");
});
