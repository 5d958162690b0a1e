import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../../home.ts";
import { analyse } from "../../../../../lib/comfyui/workflow/analyse.ts";
import { compare } from "../../../../../lib/comfyui/workflow/compare.ts";
import { ModelsReport } from "../../../../../lib/comfyui/workflow/report.ts";
import { type ModelLock, parseModelLock } from "../../../../../lib/locks/model-lock.ts";
import {
  formatRecipeModels,
  parseRecipeModels,
  recipeModels,
} from "../../../../../lib/models/recipe-list.ts";
import { renderModels } from "../../../../../tools/commands/models/model-table.ts";
import {
  apiNode,
  editorFile,
  editorNode,
  read,
  sink,
  someIndex,
  toBytes,
  workflowLink,
} from "../../../../support/workflows.ts";

const GB = 1e9;
const own = parseModelLock(readFileSync(join(repository, "locks/models.json"), "utf8"));

/** The seven files of the seed's set, as its kind of workflow asks for them. */
const seedWorkflow = {
  "1": apiNode("UnetLoaderGGUF", { unet_name: "Wan2.2-I2V-A14B-HighNoise-Q8_0.gguf" }),
  "2": apiNode("UnetLoaderGGUF", { unet_name: "Wan2.2-I2V-A14B-LowNoise-Q8_0.gguf" }),
  "3": apiNode("LoraLoaderModelOnly", {
    lora_name: "Wan22_A14B_T2V_HIGH_Lightning_4steps_lora_250928_rank128_fp16.safetensors",
    model: ["1", 0],
  }),
  "4": apiNode("LoraLoaderModelOnly", {
    lora_name: "Wan22_A14B_T2V_LOW_Lightning_4steps_lora_250928_rank64_fp16.safetensors",
    model: ["2", 0],
  }),
  "5": apiNode("CLIPLoaderGGUF", { clip_name: "umt5-xxl-encoder-Q5_K_M.gguf", type: "wan" }),
  "6": apiNode("VAELoader", { vae_name: "wan_2.1_vae.safetensors" }),
  "7": apiNode("RIFE VFI", { ckpt_name: "rife47.pth", frames: ["8", 0] }),
  "8": apiNode("KSampler", { high: ["3", 0], low: ["4", 0], clip: ["5", 0], vae: ["6", 0] }),
  "9": apiNode("SaveImage", { images: ["7", 0] }),
};

/** What the seed had beside them: 42 GB in 8 files. Its text does not say each size; only the sum is real. */
const others = {
  "vae/wan2.2_vae.safetensors": 1.4,
  "vae/qwen_image_vae.safetensors": 0.3,
  "checkpoints/illustriousXL_v01.safetensors": 6.9,
  "checkpoints/v1-5-pruned-emaonly-fp16.safetensors": 2.1,
  "diffusion_models/chromaAnimeAIO_chromaAnimeAIOV1FP8.safetensors": 8.9,
  "upscale_models/RealESRGAN_x2plus.pth": 0.1,
  "text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors": 9.4,
  "diffusion_models/Qwen_Image_Distill-Q8_0.gguf": 12.9,
};

/** The seed's catalogue: the repository's own lock and what the seed threw out. */
function seedCatalogue(): ModelLock {
  const more = Object.entries(others).map(([path, size]) => ({
    name: path.split("/")[1] ?? "",
    folder: `models/${path.split("/")[0]}`,
    licence: null,
    source: "made up for the test",
    url: `https://example.com/${path}`,
    size: size * GB,
    sha256: "0".repeat(64),
    gated: null,
  }));
  return { ...own, models: [...own.models, ...more] };
}

const reportOf = (lock: ModelLock, workflow: unknown = seedWorkflow) =>
  compare(analyse([read(toBytes(workflow), "seed.json")], someIndex), lock, someIndex);

test("the seed's workflow needs exactly its 7 files: 37 GB of 79, 42 saved", () => {
  const report = reportOf(seedCatalogue());
  assert.deepEqual(
    report.files.map(({ name }) => name).sort(),
    [...own.models, ...own.incomplete].map(({ name }) => name).sort(),
  );
  assert.equal(report.files.length, 7);
  assert.deepEqual(
    report.notNeeded.map(({ folder, name }) => `${folder}/${name}`.slice(7)).sort(),
    Object.keys(others).sort(),
  );
  const { needed, catalogue, saved } = report.bytes;
  assert.equal(Math.round(needed / GB), 37);
  assert.equal(Math.round(catalogue / GB), 79);
  assert.equal(Math.round(saved / GB), 42);
  assert.equal(needed + saved, catalogue);
  const shown = renderModels(report);
  assert.match(shown, /^7 models, 37\.1 GB, of 79\.1 GB in the lock: saves 42 GB$/m);
  assert.match(shown, /^✖ something is missing, see above$/m, "two files have no hash");
  for (const { name } of own.incomplete) assert.match(shown, new RegExp(`${name}.*about .* no hash`));
});

test("the report is what its schema says, and nothing else is in it", () => {
  const report = reportOf(seedCatalogue());
  assert.deepEqual(ModelsReport.parse(JSON.parse(JSON.stringify(report))), report);
});

const locked = (folder: string, name: string) => ({
  name,
  folder,
  licence: null,
  source: "test",
  url: `https://example.com/${name}`,
  size: 5,
  sha256: "1".repeat(64),
  gated: null,
});
const loading = (name: string) => ({
  "1": apiNode("CLIPLoader", { clip_name: name }),
  "2": apiNode("SaveImage", { any: ["1", 0] }),
});

test("a file is found in each folder where ComfyUI looks for it", () => {
  const lock = { models: [locked("models/clip", "c.safetensors")], incomplete: [] };
  const [file] = reportOf(lock, loading("c.safetensors")).files;
  assert.deepEqual([file?.folder, file?.state, file?.bytes], ["models/clip", "locked", 5]);
  assert.equal(reportOf(lock, loading("c.safetensors")).verdict, "complete");
});

test("a report with something that cannot be told is incomplete, though all the rest is locked", () => {
  const lock = { models: [locked("models/clip", "c.safetensors")], incomplete: [] };
  const report = reportOf(lock, {
    ...loading("c.safetensors"),
    "3": apiNode("KSampler", { file: "f.gguf", any: ["1", 0] }),
    "4": apiNode("SaveImage", { images: ["3", 0] }),
  });
  assert.deepEqual(
    report.files.map(({ state }) => state),
    ["locked"],
  );
  assert.ok(report.nodes.every(({ state }) => state === "locked"));
  assert.equal(report.unresolved.length, 1);
  assert.equal(report.verdict, "incomplete");
});

test("a file of the same name elsewhere is not the one, and is named", () => {
  const lock = { models: [locked("models/vae", "c.safetensors")], incomplete: [] };
  const report = reportOf(lock, loading("c.safetensors"));
  const [file] = report.files;
  assert.deepEqual(
    [file?.state, file?.elsewhere, file?.bytes],
    ["missing", "models/vae/c.safetensors", null],
  );
  assert.equal(report.bytes.unknown, 1);
  assert.match(renderModels(report), /missing \(has models\/vae\/c\.safetensors\)/);
  assert.match(renderModels(report), /1 models, 0 B and 1 of unknown size/);
});

test("a name without an ending is found with any", () => {
  const lock = { models: [locked("models/embeddings", "Easy.pt")], incomplete: [] };
  const prompt = { "1": apiNode("CLIPTextEncode", { text: "embedding:Easy" }) };
  const [file] = reportOf(lock, prompt).files;
  assert.deepEqual([file?.name, file?.state], ["Easy.pt", "locked"]);
});

test("the table names what is missing, what is not told and what nothing uses", () => {
  const shown = renderModels(
    reportOf(
      { models: [], incomplete: [] },
      {
        "1": apiNode("VAELoader", { vae_name: "v.safetensors" }),
        "2": apiNode("FarLoader", { file: "f.gguf" }),
        "3": apiNode("Shared", {}),
      },
    ),
  );
  assert.match(shown, /^seed\.json: API format, 3 nodes$/m);
  assert.match(shown, /^No models are needed\.$/m);
  assert.match(shown, /FarLoader +│ far\/away +│ missing/);
  assert.match(shown, /Shared +│ one of far\/away, fork\/away +│ missing/);
  assert.match(shown, /^Cannot be told:\n {2}2 FarLoader names "f\.gguf"/m);
  assert.match(shown, /^Not used by anything, and left out:\n {2}1 VAELoader$/m);
});

test("a recipe's list follows from the report, and comes back as it was", () => {
  const list = recipeModels(reportOf(own));
  assert.deepEqual(list.workflows, ["seed.json"]);
  assert.equal(list.models.length, 7);
  assert.ok(list.models.includes("custom_nodes/ComfyUI-Frame-Interpolation/ckpts/rife/rife47.pth"));
  assert.deepEqual(parseRecipeModels(formatRecipeModels(list), "list"), list);
  assert.throws(() => parseRecipeModels('{"models": []}', "list"), /list: workflows: is missing/);
});

test("what the lock does not have cannot be listed", () => {
  assert.throws(
    () => recipeModels(reportOf({ models: [], incomplete: [] }, loading("c.safetensors"))),
    /models\/text_encoders\/c\.safetensors: is not in the lock\. Add it to `incomplete` in locks\/models\.json/,
  );
});

test("a file whose hash nobody knows, or a node that is not locked, makes a report incomplete", () => {
  const whole = locked("models/clip", "c.safetensors");
  const incomplete = { ...whole, sha256: null, size: null, about: 7, missing: "its hash" };
  const rough = reportOf(
    { models: [], incomplete: [incomplete] } as unknown as ModelLock,
    loading("c.safetensors"),
  );
  const [file] = rough.files;
  assert.deepEqual([file?.state, file?.bytes, file?.isRough, file?.sha256], ["incomplete", 7, true, null]);
  assert.deepEqual([file?.elsewhere, file?.url], [null, whole.url]);
  assert.equal(rough.verdict, "incomplete");

  const states = (type: string) => {
    const report = reportOf(
      { models: [whole], incomplete: [] },
      { ...loading("c.safetensors"), "3": apiNode(type) },
    );
    return [report.nodes.map(({ state }) => state), report.verdict];
  };
  assert.deepEqual(states("Twin"), [["unknown"], "incomplete"]);
  assert.deepEqual(states("FarLoader"), [["known"], "incomplete"]);
  assert.deepEqual(states("RIFE VFI"), [["locked"], "complete"]);
});

test("a name with an ending is found with that one alone, and one without by its whole name", () => {
  const stateOf = (name: string, has: string) =>
    reportOf(
      { models: [locked("models/embeddings", has)], incomplete: [] },
      { "1": apiNode("CLIPTextEncode", { text: `embedding:${name}` }) },
    ).files[0]?.state;
  assert.equal(stateOf("Easy.pt", "Easy.pt"), "locked");
  assert.equal(stateOf("Easy.pt", "Easy.pt.bin"), "missing");
  assert.equal(stateOf("Easy.v2/x", "Easy.v2/x.safetensors"), "locked");
  assert.equal(stateOf("Easy", "Hard.pt"), "missing");
  assert.equal(stateOf("Easy", "Easy.v2.pt"), "missing");
  assert.equal(stateOf("Easy", "Easy"), "locked");
});

test("what the lock lacks is told as the workflow says it", () => {
  const models = [{ name: "c.safetensors", directory: "text_encoders", url: "https://h/c" }];
  const hinted = { ...editorNode(1, "CLIPLoader", { clip_name: "c.safetensors" }), properties: { models } };
  const workflow = read(editorFile([hinted, sink(2)], [workflowLink(1, 1, 2)]));
  const lock = { models: [locked("models/vae", "other.safetensors")], incomplete: [] };
  const [file] = compare(analyse([workflow], someIndex), lock, someIndex).files;
  assert.deepEqual(
    [file?.state, file?.isRough, file?.url, file?.elsewhere],
    ["missing", false, "https://h/c", null],
  );
});
