import { modelFolders } from "../curated-inputs.ts";
import type { ModelAddress, WorkflowNode } from "../workflow.ts";

/** A file that a node asks for. */
export interface ModelReference {
  /** Paths below ComfyUI's folder in which it is found; new files belong in the first. */
  readonly folders: readonly [string, ...string[]];
  /** As the node names it: below the folder, and without an ending where ComfyUI takes any. */
  readonly name: string;
  readonly url: string | null;
  readonly sha256: string | null;
  /** What else the node takes in its place: names of files, as its code looks for them. */
  readonly like?: RegExp;
}

/** What is told of a node's models: what it asks for, and what it may need beside that. */
export interface NodeModels {
  readonly files: readonly ModelReference[];
  /** What the node may need and cannot be told, each as the end of a sentence that begins with the node. */
  readonly unknown: readonly string[];
}

/** A node, and where its workflow says that files are to be had. */
export interface AskingNode extends WorkflowNode {
  readonly addresses: readonly ModelAddress[];
}

/** Any folder and ending of `name`, as nodes find a file by the last part of its name. */
export function anyEnding(name: string): RegExp {
  const plain = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(^|/)${plain}\\.\\w+$`);
}

/** A file below folders that ComfyUI knows by these names. */
export function modelReference(folders: readonly string[], name: string, node: AskingNode): ModelReference {
  const paths = [...new Set(folders.flatMap(modelFolders))];
  const [first = "models", ...more] = paths;
  // Windows writes folders with a backslash.
  const path = name.replaceAll("\\", "/").replace(/^\.\//, "");
  const stated = [...node.hints, ...node.addresses].filter((each) => isSameFile(each.name, path));
  return {
    folders: [first, ...more],
    name: path,
    url: stated.find(({ url }) => url !== null)?.url ?? null,
    sha256: stated.find(({ sha256 }) => sha256 !== null)?.sha256 ?? null,
  };
}

export function isSameFile(a: string, b: string): boolean {
  return a.split(/[\\/]/).at(-1) === b.split(/[\\/]/).at(-1);
}

/** The text that a node has as an input, by its name or its place among the widgets. */
export function textOf(node: WorkflowNode, name: string, place: number): string | undefined {
  const value = inputValueOf(node, name, place);
  return typeof value === "string" ? value : undefined;
}

/** The same of any kind. */
export function inputValueOf({ named, widgets }: WorkflowNode, name: string, place: number): unknown {
  const input = named[name];
  if (input === undefined) return widgets?.[place];
  return "value" in input ? input.value : undefined;
}

/** Every text among values, however deep. */
export function* textsIn(values: readonly unknown[]): Generator<string> {
  const open = [...values].reverse();
  const seen = new Set<string>();
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === "string" && !seen.has(value)) {
      seen.add(value);
      yield value;
    } else if (typeof value === "object" && value !== null) {
      for (const inner of Object.values(value).reverse()) open.push(inner);
    }
  }
}

/** Every text among a node's values. */
export function textsOf({ named, widgets }: WorkflowNode): Generator<string> {
  const values = Object.values(named).flatMap((value) => ("value" in value ? [value.value] : []));
  return textsIn([...values, ...(widgets ?? [])]);
}
