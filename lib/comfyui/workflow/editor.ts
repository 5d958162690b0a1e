import { UserError } from "../../../errors.ts";
import {
  type EditorLink,
  type EditorNode,
  type EditorWorkflow,
  type GroupNode,
  modelHint,
  type Subgraph,
} from "./format.ts";
import { enterSubgraph, isActive, resolveLink, type Scope, tables, usersOf } from "./scope.ts";
import { virtualTypes } from "./virtual.ts";
import type { InputValue, ModelHint, Workflow, WorkflowNode } from "./workflow.ts";

/** Deeper than anybody nests; a subgraph inside itself has no end. */
const DEEPEST = 32;

/** What the editor shows of a seed's widget after each run. */
const controls = new Set(["fixed", "increment", "decrement", "randomize"]);

/**
 * A workflow as the editor saves it, with the nodes of subgraphs and group nodes in place of their instances. Muted and
 * bypassed nodes are left out, and all that is inside of them.
 */
export function readEditor(workflow: EditorWorkflow, path: string): Workflow {
  const subgraphs = new Map((workflow.definitions?.subgraphs ?? []).map((each) => [each.id, each]));
  const groups = workflow.extra?.groupNodes ?? {};
  const nodes: WorkflowNode[] = [];
  let inactive = 0;

  const definitionOf = (node: EditorNode): Subgraph | undefined => {
    const name = groupName(node.type);
    const group = name === undefined ? undefined : groups[name];
    return name !== undefined && group ? groupAsSubgraph(name, group, node) : subgraphs.get(node.type);
  };
  const collect = (scope: Scope, depth: number): void => {
    if (depth > DEEPEST)
      throw new UserError(path, "has a subgraph that contains itself.", "Mend it in ComfyUI.");
    for (const node of scope.nodes.values()) {
      const definition = definitionOf(node);
      if (virtualTypes.has(node.type)) continue;
      if (!isActive(node)) inactive++;
      else if (definition) collect(enterSubgraph(node, definition, scope), depth + 1);
      else nodes.push(toNode(node, scope));
    }
  };
  collect(
    {
      prefix: "",
      ...tables(workflow.nodes, workflow.links ?? []),
      promoted: new Map(),
      outer: () => undefined,
      isComposite: (type) => subgraphs.has(type) || groupName(type) !== undefined,
      broadcasting: new Set((workflow.extra?.ue_links ?? []).map(({ upstream }) => upstream)),
    },
    0,
  );
  return { path, format: "editor", nodes, inactive };
}

/** `MyGroup` of the types `workflow/MyGroup` and `workflow>MyGroup`: how editors before subgraphs named group nodes. */
function groupName(type: string): string | undefined {
  return /^workflow[/>](.+)$/.exec(type)?.[1];
}

/**
 * An old group node as a subgraph, its nodes' ids their places. The values that count are the instance's: all of its
 * nodes' in one list. Where the list has another length the values cannot be told apart, and the nodes get none.
 */
function groupAsSubgraph(name: string, group: GroupNode, instance: EditorNode): Subgraph {
  const valueCounts = group.nodes.map(({ widgets_values: values }) =>
    Array.isArray(values) ? values.length : 0,
  );
  const values = Array.isArray(instance.widgets_values) ? instance.widgets_values : [];
  const fits = valueCounts.reduce((sum, length) => sum + length, 0) === values.length;
  let start = 0;
  const nodes = group.nodes.map((node, place): EditorNode => {
    const length = valueCounts[place] ?? 0;
    const nodeValues = values.slice(start, start + length);
    start += length;
    // Results may leave the group where no inner link says so: an output that is not known counts as used.
    return { ...node, id: String(place), outputs: [], widgets_values: fits ? nodeValues : [] };
  });
  return { id: name, name, nodes, links: (group.links ?? []).map(toLink) };
}

function toLink(link: readonly unknown[], number: number): EditorLink | null {
  const [from, fromSlot, to, toSlot] = link;
  if (typeof fromSlot !== "number" || typeof toSlot !== "number") return null;
  return { number, from: String(from), fromSlot, to: String(to), toSlot };
}

function toNode(node: EditorNode, scope: Scope): WorkflowNode {
  return {
    id: `${scope.prefix}${node.id}`,
    type: node.type,
    title: node.title ?? null,
    pack: packOf(node),
    named: { ...namedValues(node), ...given(node, scope) },
    widgets: Array.isArray(node.widgets_values) ? node.widgets_values : null,
    hints: (node.properties?.models ?? []).flatMap(toHint),
    users: usersOf(node, scope),
  };
}

/** What arrives through links, and what the instance around says about the node's widgets. */
function given(node: EditorNode, scope: Scope): Record<string, InputValue> {
  const values = (node.inputs ?? []).flatMap(({ name, widget, link }) => {
    const value = link == null ? undefined : resolveLink(link, scope);
    return value ? [[widget?.name ?? name, value] as const] : [];
  });
  const start = `${node.id}/`;
  const promoted = [...scope.promoted].flatMap(([key, value]) =>
    key.startsWith(start) ? [[key.slice(start.length), { value }] as const] : [],
  );
  return Object.fromEntries([...promoted, ...values]);
}

/** The widgets' values by name, where the node lists all its widgets among its inputs, as newer editors save it. */
function namedValues({ inputs, widgets_values: values }: EditorNode): Record<string, InputValue> {
  if (!values) return {};
  if (!Array.isArray(values)) return toValues(Object.entries(values));
  const names = (inputs ?? []).flatMap(({ widget }) => (widget ? [widget.name] : []));
  const entries: [string, unknown][] = [];
  let place = 0;
  for (const name of names) {
    entries.push([name, values[place++]]);
    const next = values[place];
    if (/seed/i.test(name) && typeof next === "string" && controls.has(next)) place++;
  }
  // A node of an older editor lists only the widgets that were made into inputs.
  return place === values.length ? toValues(entries) : {};
}

function toValues(entries: readonly (readonly [string, unknown])[]): Record<string, InputValue> {
  return Object.fromEntries(entries.map(([name, value]) => [name, { value }]));
}

/** `aux_id` is a repository, `cnr_id` a name in Comfy's registry; `comfy-core` is ComfyUI itself. */
function packOf({ properties }: EditorNode): string | null {
  const name = properties?.aux_id ?? properties?.cnr_id;
  return typeof name === "string" && name !== "" ? name : null;
}

/** What is not a description of a model is left out: other programs write there too. */
function toHint(value: unknown): ModelHint[] {
  const { success, data } = modelHint.safeParse(value);
  if (!success) return [];
  const hash = data.hash_type?.toUpperCase() === "SHA256" ? data.hash?.toLowerCase() : undefined;
  return [
    {
      name: data.name,
      directory: data.directory,
      url: data.url ?? null,
      sha256: hash && /^[0-9a-f]{64}$/.test(hash) ? hash : null,
    },
  ];
}
