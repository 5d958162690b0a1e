import type { EditorLink, EditorNode, GroupNode, Subgraph } from "./format.ts";

/** `MyGroup` of the types `workflow/MyGroup` and `workflow>MyGroup`: how editors before subgraphs named group nodes. */
export function groupName(type: string): string | undefined {
  return /^workflow[/>](.+)$/.exec(type)?.[1];
}

/**
 * An old group node as a subgraph, its nodes' ids their places. The values that count are the instance's: all of its
 * nodes' in one list. Where the list has another length the values cannot be told apart, and the nodes get none.
 */
export function groupAsSubgraph(name: string, group: GroupNode, instance: EditorNode): Subgraph {
  const own = group.nodes.map(({ widgets_values: values }) => (Array.isArray(values) ? values.length : 0));
  const values = Array.isArray(instance.widgets_values) ? instance.widgets_values : [];
  const fits = own.reduce((sum, length) => sum + length, 0) === values.length;
  let start = 0;
  const nodes = group.nodes.map((node, place): EditorNode => {
    const length = own[place] ?? 0;
    const part = values.slice(start, start + length);
    start += length;
    // Results may leave the group where no inner link says so: an output that is not known counts as used.
    return { ...node, id: String(place), outputs: [], widgets_values: fits ? part : [] };
  });
  return { id: name, name, nodes, links: (group.links ?? []).map(toLink) };
}

function toLink(link: readonly unknown[], number: number): EditorLink | null {
  const [from, fromSlot, to, toSlot] = link;
  if (typeof fromSlot !== "number" || typeof toSlot !== "number") return null;
  return { number, from: String(from), fromSlot, to: String(to), toSlot };
}
