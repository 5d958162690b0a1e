import type { ApiWorkflow } from "./format.ts";
import { constantTypes } from "./virtual.ts";
import type { InputValue, Workflow, WorkflowNode } from "./workflow.ts";

/** A workflow as it is sent to ComfyUI: every input by name, nothing that does not run. */
export function readApi(workflow: ApiWorkflow, path: string): Workflow {
  const users = new Map<string, Set<string>>();
  for (const [id, node] of Object.entries(workflow)) {
    for (const value of Object.values(node.inputs ?? {})) {
      if (isLink(value)) users.set(value[0], (users.get(value[0]) ?? new Set()).add(id));
    }
  }
  const nodes = Object.entries(workflow).map(([id, node]): WorkflowNode => {
    const inputs = Object.entries(node.inputs ?? {});
    return {
      id,
      type: node.class_type,
      title: node._meta?.title ?? null,
      pack: null,
      named: Object.fromEntries(inputs.map(([name, value]) => [name, inputValue(value, workflow)])),
      widgets: null,
      hints: [],
      users: [...(users.get(id) ?? [])],
    };
  });
  return { path, format: "api", nodes, inactive: 0 };
}

function inputValue(value: unknown, workflow: ApiWorkflow): InputValue {
  // Lists that are values are wrapped, so that nobody takes them for a link.
  if (typeof value === "object" && value !== null && "__value__" in value) return { value: value.__value__ };
  if (!isLink(value)) return { value };
  const [id] = value;
  const origin = workflow[id];
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
