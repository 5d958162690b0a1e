import assert from "node:assert/strict";
import { test } from "node:test";
import { analyse, type Needs } from "../../../../../lib/comfyui/workflow/analyse.ts";
import { classIndex } from "../../../../../lib/comfyui/workflow/class-index.ts";
import { sourceOf } from "../../../../../lib/comfyui/workflow/needed-nodes.ts";
import { comfyuiName } from "../../../../../lib/locks/node-classes.ts";
import {
  apiNode,
  editorFile,
  editorNode,
  read,
  sink,
  someClasses,
  someIndex,
  toBytes,
  workflowLink,
} from "../../../../support/workflows.ts";

const needsOf = (nodes: Record<string, unknown>): Needs => analyse([read(toBytes(nodes))], someIndex);
const filesOf = (needs: Needs) => needs.files.map(({ folders, name }) => `${folders[0]}/${name}`);
/** One node, and another that uses it. */
const alone = (type: string, inputs: Record<string, unknown>) =>
  needsOf({ "1": apiNode(type, inputs), "2": apiNode("SaveImage", { any: ["1", 0] }) });
const problemsOf = (needs: Needs) => needs.unresolved.map(({ node, problem }) => `${node.type} ${problem}`);

test("each loader asks for its file, in the folders where ComfyUI looks", () => {
  const needs = needsOf({
    "1": apiNode("UNETLoader", { unet_name: "a.safetensors", weight_dtype: "default" }),
    "2": apiNode("DualCLIPLoader", {
      clip_name1: "b.safetensors",
      clip_name2: "c.safetensors",
      type: "flux",
    }),
    "3": apiNode("UnetLoaderGGUF", { unet_name: "d.gguf" }),
    "4": apiNode("CLIPLoaderGGUF", { clip_name: "e.gguf" }),
    "5": apiNode("RIFE VFI", { ckpt_name: "rife47.pth", frames: ["6", 0] }),
    "6": apiNode("SaveImage", { a: ["1", 0], b: ["2", 0], c: ["3", 0], d: ["4", 0], e: ["5", 0] }),
  });
  assert.deepEqual(filesOf(needs).sort(), [
    "custom_nodes/ComfyUI-Frame-Interpolation/ckpts/rife/rife47.pth",
    "models/diffusion_models/a.safetensors",
    "models/diffusion_models/d.gguf",
    "models/text_encoders/b.safetensors",
    "models/text_encoders/c.safetensors",
    "models/text_encoders/e.gguf",
  ]);
  assert.deepEqual(needs.unresolved, []);
  assert.deepEqual(needs.files.find(({ name }) => name === "d.gguf")?.folders, [
    "models/diffusion_models",
    "models/unet",
  ]);
});

test("a file that several nodes and workflows ask for is needed once, and all of them are named", () => {
  const one = read(
    toBytes({ "1": apiNode("VAELoader", { vae_name: "v.safetensors" }), "2": apiNode("X", { v: ["1", 0] }) }),
    "one",
  );
  const two = read(
    toBytes({ "7": apiNode("VAELoader", { vae_name: "v.safetensors" }), "8": apiNode("X", { v: ["7", 0] }) }),
    "two",
  );
  const needs = analyse([one, two], someIndex);
  assert.deepEqual(
    needs.files.map(({ name, askedBy }) => [name, askedBy.map(({ workflow, id }) => `${workflow}:${id}`)]),
    [["v.safetensors", ["one:1", "two:7"]]],
  );
});

test("values that are no file are none; others that should be one are told", () => {
  for (const name of ["None", "Baked VAE", "pixel_space", ""]) {
    const needs = alone("VAELoader", { vae_name: name });
    assert.deepEqual([filesOf(needs), problemsOf(needs)], [[], []], name);
  }
  assert.deepEqual(problemsOf(alone("VAELoader", { vae_name: "something" })), [
    'VAELoader has "something" as vae_name, which is not a file.',
  ]);
  assert.deepEqual(problemsOf(alone("VAELoader", { vae_name: "../v.safetensors" })), [
    'VAELoader has "../v.safetensors" as vae_name, which leaves the folder of models.',
  ]);
  assert.deepEqual(problemsOf(alone("VAELoader", { vae_name: 3 })), [
    "VAELoader has no file name as vae_name: 3.",
  ]);
});

test("a name that another node makes when it runs is not guessed", () => {
  const needs = needsOf({
    "1": apiNode("Random", {}),
    "2": apiNode("UNETLoader", { unet_name: ["1", 0] }),
    "3": apiNode("SaveImage", { any: ["2", 0] }),
  });
  assert.deepEqual(problemsOf(needs), ["UNETLoader gets its unet_name from Random (node 1) when it runs."]);
  assert.deepEqual(filesOf(needs), []);
});

test("small VAEs are two files of any ending, or one elsewhere; subfolders may be written as Windows does", () => {
  assert.deepEqual(filesOf(alone("VAELoader", { vae_name: "taesd" })), [
    "models/vae_approx/taesd_decoder",
    "models/vae_approx/taesd_encoder",
  ]);
  assert.deepEqual(filesOf(alone("VAELoader", { vae_name: "taehv.safetensors" })), [
    "models/vae_approx/taehv.safetensors",
  ]);
  assert.deepEqual(filesOf(alone("LoraLoaderModelOnly", { lora_name: "wan\\fast.safetensors" })), [
    "models/loras/wan/fast.safetensors",
  ]);
  assert.deepEqual(
    filesOf(alone("LoraLoader|pysssss", { lora_name: { content: "l.safetensors", image: null } })),
    ["models/loras/l.safetensors"],
  );
});

test("what comes through a link counts, not what a widget had before it was linked", () => {
  const loader = {
    ...editorNode(1, "UNETLoader"),
    inputs: [{ name: "unet_name", widget: { name: "unet_name" }, link: 1 }],
    widgets_values: ["before.safetensors", "default"],
  };
  const primitive = editorNode(3, "PrimitiveNode", { value: "linked.safetensors" });
  const bytes = editorFile([loader, sink(2), primitive], [workflowLink(1, 3, 1), workflowLink(2, 1, 2)]);
  const needs = analyse([read(bytes)], someIndex);
  assert.deepEqual([filesOf(needs), problemsOf(needs)], [["models/diffusion_models/linked.safetensors"], []]);
});

test("files that a repository brings itself are nothing to fetch", () => {
  const needs = alone("AddLabel", { font: "FreeMono.ttf", other: "x" });
  assert.deepEqual([filesOf(needs), problemsOf(needs)], [[], []]);
});

test("embeddings in a prompt are files too", () => {
  assert.deepEqual(
    filesOf(alone("CLIPTextEncode", { text: "a cat, (embedding:Easy:1.2), embedding:b.pt" })),
    ["models/embeddings/Easy", "models/embeddings/b.pt"],
  );
});

test("a node that switches its files counts those that are on, in both formats", () => {
  const entries = [
    { on: true, lora: "a.safetensors", strength: 1 },
    { on: false, lora: "b.safetensors", strength: 1 },
    { on: true, lora: "None", strength: 1 },
  ];
  const inputs = Object.fromEntries(entries.map((entry, index) => [`lora_${index + 1}`, entry]));
  assert.deepEqual(filesOf(alone("Power Lora Loader (rgthree)", inputs)), ["models/loras/a.safetensors"]);
  const node = {
    ...editorNode(1, "Power Lora Loader (rgthree)"),
    widgets_values: [{}, { type: "header" }, ...entries, ""],
  };
  const needs = analyse([read(editorFile([node, sink(2)], [workflowLink(1, 1, 2)]))], someIndex);
  assert.deepEqual(filesOf(needs), ["models/loras/a.safetensors"]);
  assert.deepEqual(needs.unresolved, []);
});

test("the place of a widget counts where an older editor names none, else the only value like a file", () => {
  const node = (type: string, values: unknown) => ({
    ...editorNode(1, type),
    inputs: [],
    widgets_values: values,
  });
  const asked = (type: string, values: unknown) =>
    analyse([read(editorFile([node(type, values)]))], someIndex);
  const inUse = (type: string, values: unknown) =>
    analyse([read(editorFile([node(type, values), sink(2)], [workflowLink(1, 1, 2)]))], someIndex);
  assert.deepEqual(filesOf(inUse("DualCLIPLoader", ["a.safetensors", "b.safetensors", "flux"])), [
    "models/text_encoders/a.safetensors",
    "models/text_encoders/b.safetensors",
  ]);
  assert.deepEqual(filesOf(asked("TrainLora", [1, 2, 3, "l.safetensors"])), ["models/loras/l.safetensors"]);
  assert.deepEqual(filesOf(asked("TrainLora", [1, "l.safetensors"])), ["models/loras/l.safetensors"]);
  assert.deepEqual(problemsOf(inUse("UNETLoader", [])), [
    "UNETLoader does not say its unet_name in a way that can be read.",
  ]);
});

test("a loader whose result nothing uses is left out, and what only it uses", () => {
  const lora = (id: number) => editorNode(id, "LoraLoaderModelOnly", { lora_name: `${id}.safetensors` });
  const nodes = [editorNode(1, "UNETLoader", { unet_name: "u.safetensors" }), lora(2), lora(3), sink(4)];
  const left = analyse([read(editorFile(nodes, [workflowLink(1, 1, 2), workflowLink(2, 2, 3)]))], someIndex);
  assert.deepEqual(filesOf(left), []);
  assert.deepEqual(
    left.unused.map(({ id }) => id),
    ["1", "2", "3"],
  );
  const kept = analyse(
    [read(editorFile(nodes, [workflowLink(1, 1, 2), workflowLink(2, 2, 3), workflowLink(3, 3, 4)]))],
    someIndex,
  );
  assert.equal(kept.files.length, 3);
  assert.deepEqual(kept.unused, []);
  // A class that ComfyUI runs for its own sake.
  assert.deepEqual(filesOf(needsOf({ "1": apiNode("TrainLora", { existing_lora: "l.safetensors" }) })), [
    "models/loras/l.safetensors",
  ]);
});

test("of a class that nobody has read, what looks like a file is told, and what the workflow says is believed", () => {
  const models = [{ name: "known.safetensors", directory: "diffusion_models", url: "https://h/k" }];
  const node = (more: object) =>
    editorNode(1, "FarLoader", { a: "known.safetensors", b: "other.gguf" }, { ...more });
  const needs = analyse([read(editorFile([node({ properties: { models } })]))], someIndex);
  assert.deepEqual(filesOf(needs), ["models/diffusion_models/known.safetensors"]);
  assert.equal(needs.files[0]?.url, "https://h/k");
  assert.deepEqual(problemsOf(needs), [
    'FarLoader names "other.gguf", and in which folder ComfyUI looks for it is not known.',
  ]);

  // Stated by the workflow alone: the node's own values say nothing.
  const stated = editorNode(1, "FarLoader", {}, { properties: { models } });
  assert.deepEqual(filesOf(analyse([read(editorFile([stated]))], someIndex)), [
    "models/diffusion_models/known.safetensors",
  ]);
  // A class that is known is believed, not what was left behind in the workflow.
  const stale = editorNode(1, "UNETLoader", { unet_name: "new.safetensors" }, { properties: { models } });
  assert.deepEqual(
    filesOf(analyse([read(editorFile([stale, sink(2)], [workflowLink(1, 1, 2)]))], someIndex)),
    ["models/diffusion_models/new.safetensors"],
  );
});

test("nodes that fetch by themselves are named", () => {
  assert.deepEqual(
    problemsOf(alone("DownloadAndLoadFlorence2Model", { model: "microsoft/Florence-2-base" })),
    ["DownloadAndLoadFlorence2Model may fetch weights by itself when it first runs."],
  );
  assert.deepEqual(problemsOf(alone("DWPreprocessor", { bbox_detector: "yolox_l.onnx" })), [
    "DWPreprocessor may fetch weights by itself when it first runs (yolox_l.onnx).",
  ]);
});

test("every class that ComfyUI does not bring is traced to a repository, or it is said why not", () => {
  const types = ["UNETLoader", "RIFE VFI", "UnloadModel", "Twin", "Shared", "A (named)", "Nobody"];
  const needs = needsOf(Object.fromEntries(types.map((type, index) => [`${index}`, apiNode(type)])));
  assert.deepEqual(
    needs.nodes.map(({ type, repository, candidates, problem }) => [type, repository ?? candidates, problem]),
    [
      ["A (named)", "named/nodes", null],
      ["Nobody", [], "no repository that is known has such a class"],
      ["RIFE VFI", "Fannovel16/ComfyUI-Frame-Interpolation", null],
      ["Shared", ["far/away", "fork/away"], "several repositories have a class of this name"],
      ["Twin", ["one/suite", "two/suite"], "several repositories have a class of this name"],
      ["UnloadModel", "some/unloader", null],
    ],
  );
});

test("what the workflow and the recipe say settles it where a name does not", () => {
  const needs = (type: string, properties: object, preferred: string[] = []) =>
    analyse([read(editorFile([editorNode(1, type, {}, { properties })]))], someIndex, preferred).nodes[0];
  assert.equal(needs("Shared", { aux_id: "Fork/Away" })?.repository, "fork/away");
  assert.equal(needs("Twin", {}, ["two/suite"])?.repository, "two/suite");
  assert.equal(needs("Nobody", { aux_id: "its/author" })?.repository, "its/author");
  assert.match(
    needs("Nobody", { cnr_id: "some-pack" })?.problem ?? "",
    /it is from "some-pack" of Comfy's registry/,
  );
  // A class of a newer ComfyUI is not somebody else's of the same name.
  assert.match(needs("UnloadModel", { cnr_id: "comfy-core" })?.problem ?? "", /another version does/);
});

test("a class is ComfyUI's own before anybody's, and of several repositories the locked one's", () => {
  const of = (type: string, others: Record<string, string[]>, preferred: string[] = []) =>
    sourceOf({ type, pack: null }, classIndex({ ...someClasses, others }), preferred).repository;
  assert.equal(of("KSampler", { "far/away": ["KSampler"] }, ["far/away"]), comfyuiName);
  assert.equal(of("RIFE VFI", { "far/away": ["RIFE VFI"] }), "Fannovel16/ComfyUI-Frame-Interpolation");
  assert.equal(of("New", { "far/away": ["New"], "fork/away": ["New"] }), null);
});

test("a file that several nodes describe has what any of them says", () => {
  const loader = (id: number, more: object) =>
    editorNode(
      id,
      "VAELoader",
      { vae_name: "v.safetensors" },
      { properties: { models: [{ name: "v.safetensors", directory: "vae", ...more }] }, outputs: [] },
    );
  const hash = "1".repeat(64);
  const first = { url: "https://h/first", hash, hash_type: "sha256" };
  const second = { url: "https://h/second", hash: "2".repeat(64), hash_type: "sha256" };
  const told = (...all: object[]) => {
    const workflow = read(editorFile(all.map((more, index) => loader(index, more))));
    const [file] = analyse([workflow], someIndex).files;
    return [file?.url, file?.sha256, file?.askedBy.length];
  };
  assert.deepEqual(told(first, second), [first.url, hash, 2]);
  assert.deepEqual(told({}, first), [first.url, hash, 2]);
  assert.deepEqual(told(first, {}), [first.url, hash, 2]);
});

test("only a node that asks for a model can be idle, and only where its users are known", () => {
  const idle = (type: string, widgets: Record<string, unknown>, more = {}) =>
    analyse([read(editorFile([editorNode(1, type, widgets, more), sink(2)]))], someIndex).unused.length;
  assert.equal(idle("VAELoader", { vae_name: "v.safetensors" }), 1);
  assert.equal(idle("VAELoader", { vae_name: "v.safetensors" }, { outputs: [] }), 0);
  assert.equal(idle("VAELoader", { vae_name: "None" }), 0);
  assert.equal(idle("CLIPTextEncode", { text: "embedding:Easy" }), 0);
});

test("where nothing would run, all of it counts: it is a part that others build in", () => {
  const loader = editorNode(1, "VAELoader", { vae_name: "v.safetensors" });
  const needs = analyse([read(editorFile([loader]))], someIndex);
  assert.deepEqual([needs.files.length, needs.unused.length], [1, 0]);
});

test("a node that could not be read cannot be told", () => {
  const bytes = toBytes({ "1": apiNode("KSampler"), "7": { inputs: {}, _meta: { title: "Lost" } } });
  const { unresolved } = analyse([read(bytes)], someIndex);
  assert.deepEqual(
    unresolved.map(({ node, problem }) => [node.workflow, node.id, node.title, problem.slice(0, 21)]),
    [["flow.json", "7", "Lost", '("Lost") has no class']],
  );
});

test("the workflow's own list and its notes say where files are, also in folders, and decide nothing else", () => {
  const models = [
    { name: "a.safetensors", directory: "checkpoints", url: "https://h/listed" },
    { name: "never-asked.safetensors", directory: "vae", url: "https://h/never" },
    3,
  ];
  const note = "See [b](https://h/b%20c.safetensors), https://h/a.safetensors and https://h/page";
  const bytes = editorFile(
    [
      editorNode(1, "UNETLoader", { unet_name: "deep\\a.safetensors" }, { outputs: [] }),
      editorNode(2, "VAELoader", { vae_name: "b c.safetensors" }, { outputs: [] }),
      editorNode(3, "MarkdownNote", { text: note }),
    ],
    [],
    { models },
  );
  assert.deepEqual(
    analyse([read(bytes)], someIndex).files.map(({ folders, name, url }) => [folders[0], name, url]),
    [
      ["models/diffusion_models", "deep/a.safetensors", "https://h/listed"],
      ["models/vae", "b c.safetensors", "https://h/b%20c.safetensors"],
    ],
  );
});

test("a class is the locked repository's whose pattern fits, or that the workflow names, before any other's", () => {
  const nothing = { models: {}, loads: {}, open: [], elsewhere: [], alone: [], unread: [] };
  const named = { commit: "9".repeat(40), classes: [], ...nothing };
  const index = classIndex({
    ...someClasses,
    repositories: { ...someClasses.repositories, "named/nodes": named },
    others: {
      ...someClasses.others,
      "stranger/copy": ["Seed (named)"],
      "away/comfyui-some_pack": ["Shared"],
    },
  });
  const of = (type: string, pack: string | null = null) => sourceOf({ type, pack }, index);
  assert.equal(of("Seed (named)").repository, "named/nodes");
  assert.equal(of("Twin", "TWO/suite").repository, "two/suite");
  assert.equal(of("Shared", "ComfyUI-some-pack").repository, "away/comfyui-some_pack");
  assert.equal(of("Shared", "no-such-pack").repository, null);
  // The locked commit is too old, or too new: what is built would not have it.
  const gone = of("Gone", "comfyui-gguf");
  assert.deepEqual([gone.repository, gone.candidates], [null, ["city96/ComfyUI-GGUF"]]);
  assert.match(gone.problem ?? "", /the locked commit does not have it: another version does/);
});
