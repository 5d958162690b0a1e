import type { ModelInput } from "../../locks/node-classes.ts";
import type { ClassIndex } from "./class-index.ts";
import { curatedInputsOf, isBundledFolder, noFile, pictureVaes, videoVaes } from "./curated-inputs.ts";
import {
  type AskingNode,
  anyEnding,
  isSameFile,
  type ModelReference,
  modelReference,
  type NodeModels,
  textsOf,
} from "./known/model-reference.ts";
import { ownFiles } from "./known/own-files.ts";
import { presetModels } from "./known/presets.ts";
import { filesInPrompts, tagHelpers } from "./known/prompt-tags.ts";
import { fetchesItself } from "./known/self-loading.ts";
import { settled } from "./known/settled-classes.ts";
import { besideShards, withShards } from "./known/shards.ts";
import { isStack, stackedFiles } from "./known/stacks.ts";
import { constantTypes } from "./virtual.ts";
import type { InputValue, WorkflowNode } from "./workflow.ts";

export type { ModelReference, NodeModels } from "./known/model-reference.ts";

const modelFile = /^[^\n]{1,250}\.(safetensors|sft|ckpt|pt|pt2|pth|bin|gguf|onnx|pkl|engine)$/i;

/** What a node says about the models it needs. */
export function nodeModels(node: AskingNode, classes: ClassIndex): NodeModels {
  const inputs = filesOfInputs(node, classes);
  const stacked = filesOfStack(node);
  const namedFiles = new Set([...inputs.named, ...stacked.named]);
  // A constant's text counts where it arrives.
  const texts = constantTypes.has(node.type) ? [] : [...textsOf(node)];
  const rest = texts.filter(
    (text) => modelFile.test(text) && !namedFiles.has(text) && !text.startsWith("embedding:"),
  );
  const files = [...inputs.files, ...stacked.files];
  const unknown = [...inputs.unknown];
  const preset = presetModels(node);
  const others = [preset, filesInPrompts(node, isKnown(node, classes))];
  const own = ownFiles(node, classes, preset !== undefined);
  // Where no code says anything its name is all there is.
  const isCurated = Object.keys(curatedInputsOf(node.type)).length > 0;
  const mayFetch = !(own?.length || isCurated || settled(node.type)) && fetchesItself(node.type);
  for (const text of rest) {
    const hint = node.hints.find(({ name }) => isSameFile(name, text));
    if (hint) files.push(modelReference([hint.directory], text, node));
    else if (!mayFetch && own?.some((each) => each.includes(text)) !== true) {
      unknown.push(`names "${text}", and in which folder ComfyUI looks for it is not known.`);
    }
  }
  unknown.push(...(own ?? []));
  if (mayFetch) {
    unknown.push(
      `may fetch weights by itself when it first runs${rest.length > 0 ? ` (${rest.join(", ")})` : ""}.`,
    );
  }
  files.push(...statedOnly(node, classes, [...namedFiles, ...rest]));
  files.push(...others.flatMap((each) => each?.files ?? []));
  unknown.push(...others.flatMap((each) => each?.unknown ?? []));
  const beside = files.flatMap((file) => besideShards(file) ?? []);
  return { files: files.flatMap(withShards), unknown: [...unknown, ...new Set(beside)] };
}

/** Whether it is told what the class does with its texts. */
function isKnown({ type }: AskingNode, classes: ClassIndex): boolean {
  return isStack(type) || classes.opens(type) !== undefined;
}

/** The files of inputs that name one; `named` are also those that are not asked for, with what was read of them. */
function filesOfInputs(node: AskingNode, classes: ClassIndex): NodeModels & { named: string[] } {
  const files: ModelReference[] = [];
  const unknown: string[] = [];
  const named: string[] = [];
  for (const [name, input] of Object.entries(inputsOf(node.type, classes))) {
    if (input.folders.every(isBundledFolder) || tagHelpers.has(name)) continue;
    const value = namedFile(node, name, input);
    // What the widget had before something was linked to it is not asked for any more.
    const before = input.widget === null ? undefined : textIn(node.widgets?.[input.widget]);
    if (before !== undefined) named.push(before);
    if ("problem" in value) unknown.push(value.problem);
    else if (value.name !== undefined) {
      named.push(value.name);
      const references = filesNamed(value.name, name, input, node);
      files.push(...references.files);
      unknown.push(...references.unknown);
    }
  }
  return { files, unknown, named };
}

function filesOfStack(node: AskingNode): { files: ModelReference[]; named: string[] } {
  const stacked = stackedFiles(node);
  return {
    named: stacked.map(({ name }) => name),
    files: stacked
      .filter(({ name, isOn }) => isOn && !noFile.has(name.toLowerCase()))
      .map(({ name, folder, isLoose }) => {
        const reference = modelReference([folder], name, node);
        return isLoose ? { ...reference, like: anyEnding(reference.name) } : reference;
      }),
  };
}

function inputsOf(type: string, classes: ClassIndex): Readonly<Record<string, ModelInput>> {
  return { ...classes.modelInputs(type), ...curatedInputsOf(type) };
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
  if ("unclear" in value) return { problem: `cannot tell its ${name}: it ${value.unclear}.` };
  const text = textIn(value.value);
  if (text !== undefined) return { name: text };
  return value.value == null ? {} : { problem: `has no file name as ${name}: ${kindOf(value.value)}.` };
}

/** A value as people read it; one that is too deep for that has no text. */
function kindOf(value: unknown): string {
  try {
    return JSON.stringify(value).slice(0, 100);
  } catch {
    return "a list without end";
  }
}

/** By its place among the widgets; else the only value that looks like a file. */
function placed({ widgets }: WorkflowNode, widget: number | null): InputValue | undefined {
  if (widgets === null) return undefined;
  if (widget !== null && textIn(widgets[widget]) !== undefined) return { value: widgets[widget] };
  const likely = widgets.filter((value) => typeof value === "string" && modelFile.test(value));
  return likely.length === 1 ? { value: likely[0] } : undefined;
}

/** Some nodes keep a picture beside the name: `{"content": "a.safetensors", "image": …}`. */
function textIn(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const content =
    typeof value === "object" && value !== null && "content" in value ? value.content : undefined;
  return typeof content === "string" ? content : undefined;
}

function filesNamed(name: string, input: string, { folders }: ModelInput, node: AskingNode): NodeModels {
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

/** What the workflow says of a node whose own values do not tell: only where nothing is known about its class. */
function statedOnly(node: AskingNode, classes: ClassIndex, namedFiles: readonly string[]): ModelReference[] {
  if (Object.keys(inputsOf(node.type, classes)).length > 0 || isStack(node.type)) return [];
  return node.hints
    .filter(({ name }) => !namedFiles.some((text) => isSameFile(name, text)))
    .map(({ name, directory }) => modelReference([directory], name, node));
}
