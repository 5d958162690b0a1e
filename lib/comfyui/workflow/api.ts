import { type ApiNode, apiNode } from "./format.ts";
import { constantTypes } from "./virtual.ts";
import type { InputValue, UnreadNode, Workflow, WorkflowNode } from "./workflow.ts";
import { isObject } from "./wrappers.ts";

/** A workflow as it is sent to ComfyUI: every input by name, nothing that does not run. */
export function readApi(workflow: Record<string, unknown>, path: string): Workflow {
  const { sent, unread } = nodesOf(workflow);
  const users = new Map<string, Set<string>>();
  for (const [id, node] of sent) {
    for (const value of Object.values(node.inputs ?? {})) {
      if (isLink(value)) users.set(value[0], (users.get(value[0]) ?? new Set()).add(id));
    }
  }
  const nodes = [...sent].map(([id, node]): WorkflowNode => {
    const inputs = Object.entries(node.inputs ?? {});
    return {
      id,
      type: node.class_type,
      title: node._meta?.title ?? null,
      pack: null,
      named: Object.fromEntries(inputs.map(([name, value]) => [name, inputValue(value, sent)])),
      widgets: null,
      hints: [],
      users: [...(users.get(id) ?? [])],
    };
  });
  return { path, format: "api", nodes, unread, addresses: [], inactive: 0 };
}

/** The nodes, and what looks like one without its class: the editor sends that where a custom node was missing. */
function nodesOf(workflow: Record<string, unknown>): { sent: Map<string, ApiNode>; unread: UnreadNode[] } {
  const sent = new Map<string, ApiNode>();
  const unread: UnreadNode[] = [];
  for (const [id, value] of Object.entries(workflow)) {
    const { success, data } = apiNode.safeParse(value);
    if (success) sent.set(id, data);
    else if (isObject(value) && ("inputs" in value || "class_type" in value || "_meta" in value)) {
      const title = isObject(value._meta) && typeof value._meta.title === "string" ? value._meta.title : null;
      const hasClass = typeof value.class_type === "string";
      unread.push({
        id,
        type: hasClass ? String(value.class_type) : "a node",
        title,
        problem: hasClass
          ? "has inputs that cannot be read, and ComfyUI refuses it."
          : `${title === null ? "" : `("${title}") `}has no class: it was missing where the workflow was exported, and ComfyUI refuses it.`,
      });
    }
  }
  return { sent, unread };
}

function inputValue(value: unknown, sent: ReadonlyMap<string, ApiNode>): InputValue {
  // Lists that are values are wrapped, so that nobody takes them for a link.
  if (typeof value === "object" && value !== null && "__value__" in value) return { value: value.__value__ };
  if (!isLink(value)) return { value };
  const [id] = value;
  const origin = sent.get(id);
  if (!origin) return { from: { id, type: "a node that is missing" } };
  const constant = constantTypes.has(origin.class_type) ? origin.inputs?.value : undefined;
  if (constant !== undefined && !isLink(constant)) return { value: constant };
  return { from: { id, type: origin.class_type } };
}

function isLink(value: unknown): value is [string, number] {
  return (
    Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && typeof value[1] === "number"
  );
}
