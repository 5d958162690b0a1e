import { throwAll, UserError } from "../../../errors.ts";
import { parseWithSchema } from "../../schema-errors.ts";
import { addressesOf } from "./addresses.ts";
import {
  type EditorLink,
  type EditorNode,
  editorNode,
  editorWorkflow,
  type GroupNode,
  groupNode,
  type Subgraph,
  subgraph,
} from "./format.ts";
import { toNode } from "./node-values.ts";
import { enterSubgraph, isActive, type Scope, topScope } from "./scope.ts";
import { virtualTypes } from "./virtual.ts";
import type { UnreadNode, Workflow, WorkflowNode } from "./workflow.ts";
import { isObject } from "./wrappers.ts";

/** Deeper than anybody nests; a subgraph inside itself has no end. */
const DEEPEST = 32;

/** More than anybody has: instances in instances multiply. */
const MOST_INSTANCES = 10_000;
const MOST_NODES = 100_000;

/**
 * A workflow as the editor saves it, with the nodes of subgraphs and group nodes in place of their instances. Muted and
 * bypassed nodes are left out, and all that is inside of them.
 */
export function readEditor(value: unknown, path: string): Workflow {
  const nameOf = (keys: readonly PropertyKey[]) => `${path}: ${keys.join(".")}`;
  const workflow = parseWithSchema(editorWorkflow, value, nameOf, path);
  const top = nodesOf(workflow.nodes);
  if (top.nodes.length === 0 && top.problems.length > 0) {
    const problems = top.problems.map(
      ({ place, text }) => new UserError(nameOf(["nodes", place, ...text[0]]), text[1], ""),
    );
    throwAll(path, problems);
  }
  const subgraphs = subgraphsOf(workflow.definitions?.subgraphs ?? []);
  const groups = workflow.extra?.groupNodes ?? {};
  const nodes: WorkflowNode[] = [];
  const unread: UnreadNode[] = [...top.unread];
  let inactive = 0;
  let entered = 0;
  let seen = 0;

  const definitionOf = (node: EditorNode): Subgraph | undefined => {
    const name = groupName(node.type);
    const group = name === undefined ? undefined : groupNode.safeParse(groups[name]).data;
    return name !== undefined && group
      ? groupAsSubgraph(name, group, node)
      : subgraphs.get(node.type)?.definition;
  };
  const collect = (scope: Scope, depth: number): void => {
    if (depth > DEEPEST || ++entered > MOST_INSTANCES)
      throw new UserError(path, "has a subgraph that contains itself.", "Mend it in ComfyUI.");
    seen += scope.nodes.size;
    if (seen > MOST_NODES)
      throw new UserError(path, `has more than ${MOST_NODES} nodes in its subgraphs.`, "Take it apart.");
    for (const node of scope.nodes.values()) {
      if (virtualTypes.has(node.type)) continue;
      const definition = definitionOf(node);
      if (!isActive(node)) inactive++;
      else if (definition) {
        const inside = enterSubgraph(node, definition, scope);
        const lost = subgraphs.get(node.type)?.unread ?? [];
        unread.push(...lost.map((each) => ({ ...each, id: `${inside.prefix}${each.id}` })));
        collect(inside, depth + 1);
      } else nodes.push(toNode(node, scope));
    }
  };
  const upstream = (workflow.extra?.ue_links ?? []).flatMap((each) => (each ? [each.upstream] : []));
  collect(
    topScope(top.nodes, workflow.links ?? [], {
      isComposite: (type) => subgraphs.has(type) || groupName(type) !== undefined,
      broadcasting: new Set(upstream),
    }),
    0,
  );
  return {
    path,
    format: "editor",
    nodes,
    unread,
    addresses: addressesOf(workflow.models ?? [], top.nodes),
    inactive,
  };
}

/** The nodes that can be read, and the others by what can be told of them. */
function nodesOf(values: readonly unknown[]) {
  const nodes: EditorNode[] = [];
  const unread: UnreadNode[] = [];
  const problems: { place: number; text: [PropertyKey[], string] }[] = [];
  values.forEach((value, place) => {
    const { success, data, error } = editorNode.safeParse(value);
    if (success) {
      nodes.push(data);
      return;
    }
    const known = isObject(value) ? value : {};
    const issue = error.issues[0];
    const field = issue?.path ?? [];
    const isMissing = field.length === 0 || known[String(field[0])] === undefined;
    problems.push({ place, text: [field, isMissing ? "is missing." : "cannot be read."] });
    unread.push({
      id:
        typeof known.id === "string" || typeof known.id === "number"
          ? String(known.id)
          : `number ${place + 1}`,
      type: typeof known.type === "string" ? known.type : "a node",
      title: typeof known.title === "string" ? known.title : null,
      problem: `cannot be read and is left out: its ${field.join(".") || "content"} ${isMissing ? "is missing" : "has another form"}.`,
    });
  });
  return { nodes, unread, problems };
}

/** By id; the instances of one that cannot be read count as nodes of an unknown class. */
function subgraphsOf(values: readonly unknown[]) {
  return new Map(
    values.flatMap((value) => {
      const { success, data } = subgraph.safeParse(value);
      if (!success) return [];
      const { nodes, unread } = nodesOf(data.nodes);
      const definition: Subgraph = { ...data, nodes };
      return [[data.id, { definition, unread }] as const];
    }),
  );
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
  return { number: String(number), from: String(from), fromSlot, to: String(to), toSlot };
}
