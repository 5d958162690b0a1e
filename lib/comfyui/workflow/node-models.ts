import { comfyuiName, type ModelInput } from "../../locks/node-classes.ts";
import type { ClassIndex } from "./class-index.ts";
import {
  curatedInputs,
  fetchesItself,
  isBundledFolder,
  modelFolders,
  noFile,
  pictureVaes,
  switchedFiles,
  videoVaes,
} from "./curated-inputs.ts";
import type { InputValue, WorkflowNode } from "./workflow.ts";

/** A file that a node asks for. */
export interface ModelReference {
  /** Paths below ComfyUI's folder in which it is found; new files belong in the first. */
  readonly folders: readonly [string, ...string[]];
  /** As the node names it: below the folder, and without an ending where ComfyUI takes any. */
  readonly name: string;
  readonly url: string | null;
  readonly sha256: string | null;
}

export interface NodeModels {
  readonly files: readonly ModelReference[];
  /** What the node may need and cannot be told, each as the end of a sentence that begins with the node. */
  readonly unknown: readonly string[];
}

const modelFile = /^[^\n]{1,250}\.(safetensors|sft|ckpt|pt|pt2|pth|bin|gguf|onnx|pkl|engine)$/i;

/** What a node says about the models it needs. */
export function nodeModels(node: WorkflowNode, classes: ClassIndex): NodeModels {
  const files: ModelReference[] = [];
  const unknown: string[] = [];
  const namedFiles = new Set<string>();
  for (const [name, input] of Object.entries(inputsOf(node.type, classes))) {
    if (input.folders.every(isBundledFolder)) continue;
    const value = namedFile(node, name, input);
    // What the widget had before something was linked to it is not asked for any more.
    const before = input.widget === null ? undefined : textOf(node.widgets?.[input.widget]);
    if (before !== undefined) namedFiles.add(before);
    if ("problem" in value) unknown.push(value.problem);
    else if (value.name !== undefined) {
      namedFiles.add(value.name);
      const references = filesNamed(value.name, name, input, node);
      files.push(...references.files);
      unknown.push(...references.unknown);
    }
  }
  for (const name of switched(node)) {
    namedFiles.add(name.file);
    if (name.isOn) files.push(modelReference([name.folder], name.file, node));
  }
  const rest = [...strings(node)].filter((text) => modelFile.test(text) && !namedFiles.has(text));
  for (const text of rest) {
    const hint = node.hints.find(({ name }) => isSameFile(name, text));
    if (hint) files.push(modelReference([hint.directory], text, node));
    else if (!fetchesItself(node.type)) {
      unknown.push(`names "${text}", and in which folder ComfyUI looks for it is not known.`);
    }
  }
  if (isForeign(node.type, classes) && fetchesItself(node.type) && !(node.type in curatedInputs)) {
    unknown.push(
      `may fetch weights by itself when it first runs${rest.length > 0 ? ` (${rest.join(", ")})` : ""}.`,
    );
  }
  files.push(...statedOnly(node, classes, [...namedFiles, ...rest]), ...embeddings(node));
  return { files, unknown };
}

function inputsOf(type: string, classes: ClassIndex): Readonly<Record<string, ModelInput>> {
  return { ...classes.modelInputs(type), ...curatedInputs[type] };
}

function isForeign(type: string, classes: ClassIndex): boolean {
  return !classes.repositoriesOf(type).includes(comfyuiName);
}

/** The text of an input; no name where the input is empty or not given, and ComfyUI takes its default. */
function namedFile(
  node: WorkflowNode,
  name: string,
  { widget }: ModelInput,
): { name?: string } | { problem: string } {
  const value = node.named[name] ?? placed(node, widget);
  if (value === undefined) {
    return node.widgets === null ? {} : { problem: `does not say its ${name} in a way that can be read.` };
  }
  if ("from" in value) {
    return { problem: `gets its ${name} from ${value.from.type} (node ${value.from.id}) when it runs.` };
  }
  const text = textOf(value.value);
  if (text !== undefined) return { name: text };
  return value.value == null
    ? {}
    : { problem: `has no file name as ${name}: ${JSON.stringify(value.value)}.` };
}

/** By its place among the widgets; else the only value that looks like a file. */
function placed({ widgets }: WorkflowNode, widget: number | null): InputValue | undefined {
  if (widgets === null) return undefined;
  if (widget !== null && textOf(widgets[widget]) !== undefined) return { value: widgets[widget] };
  const likely = widgets.filter((value) => typeof value === "string" && modelFile.test(value));
  return likely.length === 1 ? { value: likely[0] } : undefined;
}

/** Some nodes keep a picture beside the name: `{"content": "a.safetensors", "image": …}`. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const content =
    typeof value === "object" && value !== null && "content" in value ? value.content : undefined;
  return typeof content === "string" ? content : undefined;
}

function filesNamed(name: string, input: string, { folders }: ModelInput, node: WorkflowNode): NodeModels {
  if (noFile.has(name.toLowerCase())) return { files: [], unknown: [] };
  if (folders.includes("vae_approx") && pictureVaes.has(name)) {
    const halves = ["encoder", "decoder"].map((half) =>
      modelReference(["vae_approx"], `${name}_${half}`, node),
    );
    return { files: halves, unknown: [] };
  }
  if (!modelFile.test(name))
    return { files: [], unknown: [`has "${name}" as ${input}, which is not a file.`] };
  if (/(^|[\\/])\.\.([\\/]|$)/.test(name)) {
    return { files: [], unknown: [`has "${name}" as ${input}, which leaves the folder of models.`] };
  }
  const isVideoVae = folders.includes("vae_approx") && videoVaes.some((start) => name.startsWith(start));
  return { files: [modelReference(isVideoVae ? ["vae_approx"] : folders, name, node)], unknown: [] };
}

function modelReference(folders: readonly string[], name: string, { hints }: WorkflowNode): ModelReference {
  const paths = [...new Set(folders.flatMap(modelFolders))];
  const [first = "models", ...more] = paths;
  // Windows writes folders with a backslash.
  const path = name.replaceAll("\\", "/").replace(/^\.\//, "");
  const hint = hints.find((each) => isSameFile(each.name, path));
  return { folders: [first, ...more], name: path, url: hint?.url ?? null, sha256: hint?.sha256 ?? null };
}

function isSameFile(a: string, b: string): boolean {
  return a.split(/[\\/]/).at(-1) === b.split(/[\\/]/).at(-1);
}

/** Files of nodes that choose any number of them, each with its switch. */
function switched(node: WorkflowNode): { file: string; folder: string; isOn: boolean }[] {
  const switchInput = switchedFiles[node.type];
  if (!switchInput) return [];
  const values =
    node.widgets ?? Object.values(node.named).map((value) => ("value" in value ? value.value : null));
  return values.flatMap((value) => {
    const entry = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
    const file = entry[switchInput.key];
    if (typeof file !== "string" || noFile.has(file.toLowerCase())) return [];
    return [{ file, folder: switchInput.folder, isOn: entry.on !== false }];
  });
}

/** What the workflow says of a node whose own values do not tell: only where nothing is known about its class. */
function statedOnly(
  node: WorkflowNode,
  classes: ClassIndex,
  namedFiles: readonly string[],
): ModelReference[] {
  if (Object.keys(inputsOf(node.type, classes)).length > 0) return [];
  return node.hints
    .filter(({ name }) => !namedFiles.some((text) => isSameFile(name, text)))
    .map(({ name, directory }) => modelReference([directory], name, node));
}

/** `embedding:name` in a prompt; ComfyUI takes any ending where none is written. */
function embeddings(node: WorkflowNode): ModelReference[] {
  const names = [...strings(node)].flatMap((text) =>
    [...text.matchAll(/\bembedding:([^\s,:()[\]<>"']+)/g)].map(([, name = ""]) => name),
  );
  return [...new Set(names)].map((name) => modelReference(["embeddings"], name, node));
}

/** Every text among a node's values, however deep. */
function* strings({ named, widgets }: WorkflowNode): Generator<string> {
  const values = Object.values(named).flatMap((value) => ("value" in value ? [value.value] : []));
  const seen = new Set<string>();
  for (const text of deep([...values, ...(widgets ?? [])])) {
    if (!seen.has(text)) yield text;
    seen.add(text);
  }
}

function* deep(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) yield* deep(inner);
  }
}
