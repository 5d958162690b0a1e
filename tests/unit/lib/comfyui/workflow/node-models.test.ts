import assert from "node:assert/strict";
import { test } from "node:test";
import { classIndex } from "../../../../../lib/comfyui/workflow/class-index.ts";
import { nodeModels } from "../../../../../lib/comfyui/workflow/node-models.ts";
import type { ModelHint, WorkflowNode } from "../../../../../lib/comfyui/workflow/workflow.ts";
import { comfyuiName } from "../../../../../lib/locks/node-classes.ts";
import { someClasses, someIndex } from "../../../../support/workflows.ts";

/** A node with these inputs, or with these values of widgets without names. */
function node(type: string, inputs: Record<string, unknown>, more: Partial<WorkflowNode> = {}): WorkflowNode {
  const named = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, { value }]));
  return { id: "1", type, title: null, pack: null, named, widgets: null, hints: [], users: null, ...more };
}
const hint = (name: string, more: Partial<ModelHint> = {}): ModelHint => ({
  ...{ name, directory: "vae", url: null, sha256: null },
  ...more,
});
const models = (asking: WorkflowNode, index = someIndex) => {
  const { files, unknown } = nodeModels({ ...asking, addresses: [] }, index);
  return { files: files.map(({ folders, name }) => `${folders[0]}/${name}`), unknown };
};

test("an input that is not given, or empty, asks for nothing; one of another kind cannot be told", () => {
  assert.deepEqual(models(node("VAELoader", {})), { files: [], unknown: [] });
  for (const value of [null, undefined]) {
    assert.deepEqual(models(node("VAELoader", { vae_name: value })), { files: [], unknown: [] });
  }
  for (const value of [{ content: 3 }, { image: "a.png" }]) {
    const problem = `has no file name as vae_name: ${JSON.stringify(value)}.`;
    assert.deepEqual(models(node("VAELoader", { vae_name: value })), { files: [], unknown: [problem] });
  }
});

test("only a way up leaves the folder of models; dots within a name, or for the folder itself, do not", () => {
  const lora = (name: string) => models(node("LoraLoaderModelOnly", { lora_name: name }));
  for (const name of ["../l.safetensors", "a/../l.safetensors", "a\\..\\l.safetensors"]) {
    const problem = `has "${name}" as lora_name, which leaves the folder of models.`;
    assert.deepEqual(lora(name), { files: [], unknown: [problem] });
  }
  for (const [name, path] of [
    ["a../l.safetensors", "a../l.safetensors"],
    ["..a/l.safetensors", "..a/l.safetensors"],
    ["./l.safetensors", "l.safetensors"],
    ["a./l.safetensors", "a./l.safetensors"],
  ] as const) {
    assert.deepEqual(lora(name), { files: [`models/loras/${path}`], unknown: [] });
  }
});

test("a text that merely holds the name of a file is none", () => {
  for (const text of ["see a.gguf for more", "first line\nb.gguf"])
    assert.deepEqual(models(node("KSampler", { text })), { files: [], unknown: [] });
  assert.equal(models(node("KSampler", { text: "b.gguf" })).unknown.length, 1);
});

test("without its place a widget is found only where one value alone looks like a file", () => {
  const asked = (...widgets: unknown[]) => models(node("ReActorRestoreFace", {}, { widgets }));
  assert.deepEqual(asked(3, null, "a.pth", "x").files, ["models/facerestore_models/a.pth"]);
  assert.deepEqual(asked("a.pth", "b.pth").files, []);
  assert.equal(asked("x").unknown[0], "does not say its model in a way that can be read.");
});

test("an input that also looks into a folder of models asks, though another one is brought along", () => {
  const comfyui = someClasses.repositories[comfyuiName];
  assert.ok(comfyui);
  const mixed = { mixed: { folders: ["configs", "vae"], widget: 0 } };
  const index = classIndex({
    ...someClasses,
    repositories: { [comfyuiName]: { ...comfyui, models: { Mixed: mixed }, classes: ["Mixed"] } },
  });
  assert.deepEqual(models(node("Mixed", { mixed: "a.safetensors" }), index).files, [
    "models/configs/a.safetensors",
  ]);
});

test("where the workflow says what a file is, its address and hash are taken", () => {
  const known = { url: "https://h/v", sha256: "1".repeat(64) };
  const asking = node(
    "VAELoader",
    { vae_name: "sub/v.safetensors" },
    { hints: [hint("v.safetensors", known)] },
  );
  const [file] = nodeModels({ ...asking, addresses: [] }, someIndex).files;
  assert.deepEqual([file?.name, file?.url, file?.sha256], ["sub/v.safetensors", known.url, known.sha256]);
});

test("what a workflow says of a file that the node names counts once, and other files beside it", () => {
  const hints = [hint("a.safetensors"), hint("b.safetensors", { directory: "loras" })];
  assert.deepEqual(models(node("FarLoader", { file: "sub\\a.safetensors" }, { hints })), {
    files: ["models/vae/sub/a.safetensors", "models/loras/b.safetensors"],
    unknown: [],
  });
});

test("a switched file counts unless it is switched off, whatever lies between", () => {
  const widgets = [
    null,
    "x",
    3,
    {},
    { lora: "a.safetensors" },
    { on: false, lora: "b.safetensors" },
    { lora: "None" },
  ];
  const power = node("Power Lora Loader (rgthree)", {}, { widgets });
  assert.deepEqual(models(power), { files: ["models/loras/a.safetensors"], unknown: [] });
});

test("an embedding is asked for once, wherever in a value it is written", () => {
  const text = "embedding:one embedding:one, (embedding:two:1.2)";
  assert.deepEqual(
    models(node("CLIPTextEncode", { text, more: { deep: [null, text, "embedding:three"] } })).files,
    ["models/embeddings/one", "models/embeddings/two", "models/embeddings/three"],
  );
});

test("a node that fetches by itself names every file that it shows", () => {
  const asking = node("DWPreprocessor", { bbox: "a.onnx", pose: "b.onnx" });
  assert.deepEqual(models(asking).unknown, [
    "may fetch weights by itself when it first runs (a.onnx, b.onnx).",
  ]);
});
