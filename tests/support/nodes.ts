import { createHash } from "node:crypto";
import type { ComfyUi, CustomNode } from "../../lib/comfyui/custom-nodes.ts";
import type { NodeCheckout, NodeLock } from "../../lib/locks/node-lock.ts";

/** A full commit, the same for the same words. */
export function commitOf(words: string): string {
  return createHash("sha1").update(words).digest("hex");
}

/** A repository as the lock has it, by `owner/name`: at a commit of its own, and asking for nothing. */
export function checkout(name: string, more: Partial<NodeCheckout> = {}): NodeCheckout {
  return {
    repository: `https://example.org/${name}`,
    ref: "HEAD",
    commit: commitOf(name),
    version: null,
    requirements: {},
    submodules: [],
    scripts: [],
    pointers: [],
    warnings: [],
    ...more,
  };
}

/** A lock of ComfyUI and these nodes, by `owner/name`. */
export function nodeLock(nodes: Readonly<Record<string, Partial<NodeCheckout>>> = {}): NodeLock {
  const all = { "comfy/ComfyUI": { version: "0.1.0" }, ...nodes };
  return {
    repositories: Object.fromEntries(Object.entries(all).map(([name, more]) => [name, checkout(name, more)])),
    packages: {},
  };
}

/** A node of a recipe, by `owner/name`. */
export function sampleNode(name: string, more: Partial<CustomNode> = {}): CustomNode {
  return { repository: `https://example.org/${name}`, ...more };
}

/** ComfyUI with groups of nodes, by the group's name. */
export function comfyuiWith(groups: Readonly<Record<string, readonly CustomNode[]>>): ComfyUi {
  return {
    source: { repository: "https://example.org/comfy/ComfyUI" },
    groups: Object.entries(groups).map(([name, nodes]) => ({ name, summary: `the group ${name}`, nodes })),
  };
}
