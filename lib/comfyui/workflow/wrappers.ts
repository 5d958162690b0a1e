import { parsePythonJson } from "./json.ts";

/**
 * Where the bodies of requests keep a workflow: RunPod's worker (`input.workflow`), ai-dock and vast.ai
 * (`input.workflow_json`), ComfyUI itself (`prompt`), and what it answers about earlier runs.
 */
const keys = ["prompt", "workflow", "workflow_json", "workflow_api", "input", "payload", "data", "request"];

/** Deeper than anybody packs. */
const DEEPEST = 6;

/** The workflow in what a file holds: an object, or the text of one. The value itself where there is none. */
export function unwrapped(value: unknown): unknown {
  return search(value, DEEPEST) ?? value;
}

function search(value: unknown, depth: number): unknown {
  const inner = typeof value === "string" ? parsed(value) : value;
  if (isEditor(inner) || isApi(inner)) return inner;
  if (!isObject(inner) || depth === 0) return undefined;
  for (const key of keys) {
    const found = search(inner[key], depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function parsed(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return parsePythonJson(text);
  } catch {
    return undefined;
  }
}

export function isEditor(value: unknown): value is Record<string, unknown> & { nodes: unknown[] } {
  return isObject(value) && Array.isArray(value.nodes);
}

/** Some value is a node with a class: what stands beside the nodes does not matter. */
export function isApi(value: unknown): value is Record<string, unknown> {
  return (
    isObject(value) &&
    Object.values(value).some((node) => isObject(node) && typeof node.class_type === "string")
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
