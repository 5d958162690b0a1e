import type { EditorLink, EditorNode, Subgraph } from "./format.ts";
import { constantTypes, isReroute } from "./virtual.ts";
import type { InputValue } from "./workflow.ts";

/** Ids that the editor gives to the borders of a subgraph. */
const INPUT_BORDER = "-10";
const OUTPUT_BORDER = "-20";

/** One level of a workflow: its top, or the inside of one instance of a subgraph. */
export interface Scope {
  /** What ids of this level begin with: empty at the top, `57:` inside node 57. */
  readonly prefix: string;
  readonly nodes: ReadonlyMap<string, EditorNode>;
  readonly links: ReadonlyMap<number, EditorLink>;
  /** Values that the instance has for widgets in it, by `id/name` of a node of this level. */
  readonly promoted: ReadonlyMap<string, unknown>;
  /** What the instance gets at an input of the subgraph; undefined where the node's own value counts. */
  readonly outer: (slot: number) => InputValue | undefined;
  /** Types that stand for other nodes: subgraphs and group nodes. */
  readonly isComposite: (type: string) => boolean;
  /** Nodes that share their results without a link. */
  readonly broadcasting: ReadonlySet<string>;
}

/** Muted nodes do not run; bypassed ones hand on what they get. */
export function isMuted(node: EditorNode): boolean {
  return node.mode === 2;
}
export function isActive(node: EditorNode): boolean {
  return !isMuted(node) && node.mode !== 4;
}

/** The inside of `instance`, a node of `around`. */
export function enterSubgraph(instance: EditorNode, definition: Subgraph, around: Scope): Scope {
  const { links, nodes } = tables(definition.nodes, definition.links ?? []);
  return {
    ...around,
    prefix: `${around.prefix}${instance.id}:`,
    nodes,
    links,
    promoted: promotedBy(instance, around),
    outer: (slot) => valueAtInstance(instance, definition, slot, around),
  };
}

/** Nodes and links by id. */
export function tables(nodes: readonly EditorNode[], links: readonly (EditorLink | null)[]) {
  return {
    nodes: new Map(nodes.map((node) => [node.id, node])),
    links: new Map(links.flatMap((link) => (link ? [[link.number, link] as const] : []))),
  };
}

/** What comes through a link: a value that the file has, or the node that makes it. */
export function resolveLink(number: number, scope: Scope): InputValue | undefined {
  const link = scope.links.get(number);
  if (!link) return undefined;
  if (link.from === INPUT_BORDER) return scope.outer(link.fromSlot);
  const origin = scope.nodes.get(link.from);
  if (!origin) return undefined;
  if (isReroute(origin.type)) {
    const next = origin.inputs?.[0]?.link;
    return next == null ? undefined : resolveLink(next, scope);
  }
  if (constantTypes.has(origin.type) && isActive(origin)) {
    const widgetLink = origin.inputs?.find(({ widget }) => widget)?.link;
    const given = widgetLink == null ? undefined : resolveLink(widgetLink, scope);
    return given ?? { value: Array.isArray(origin.widgets_values) ? origin.widgets_values[0] : undefined };
  }
  return { from: { id: `${scope.prefix}${origin.id}`, type: origin.type } };
}

/** Ids of the nodes that use a node's results; null where something uses them that has no id. */
export function usersOf(node: EditorNode, scope: Scope): string[] | null {
  if ((node.outputs ?? []).length === 0 || scope.broadcasting.has(`${scope.prefix}${node.id}`)) return null;
  const users: string[] = [];
  for (const { from, to } of scope.links.values()) {
    if (from !== node.id) continue;
    const target = scope.nodes.get(to);
    if (to === OUTPUT_BORDER) return null;
    if (!target || isMuted(target)) continue;
    const handsOn = !isActive(target) || isReroute(target.type) || target.type === "SetNode";
    if (handsOn || scope.isComposite(target.type)) return null;
    users.push(`${scope.prefix}${to}`);
  }
  return users;
}

/** An input of an instance: through its link, or the value of the widget that the subgraph shows for it. */
function valueAtInstance(
  instance: EditorNode,
  definition: Subgraph,
  slot: number,
  around: Scope,
): InputValue | undefined {
  const name = definition.inputs?.[slot]?.name;
  if (name === undefined) return undefined;
  const link = instance.inputs?.find((input) => input.name === name)?.link;
  if (link != null) return resolveLink(link, around);
  const promoted = `${instance.id}/${name}`;
  if (around.promoted.has(promoted)) return { value: around.promoted.get(promoted) };
  const shown = shownWidgets(definition);
  const values = instance.widgets_values;
  const isListed = !instance.properties?.proxyWidgets?.length && Array.isArray(values);
  // Otherwise the editor that saved it counted differently, and nothing can be said.
  if (!isListed || values.length !== shown.length) return undefined;
  const place = shown.indexOf(slot);
  return place < 0 ? undefined : { value: values[place] };
}

/** The subgraph's inputs that end at a widget: the instance has a value for each, in this order. */
function shownWidgets({ inputs, links, nodes }: Subgraph): number[] {
  return (inputs ?? []).flatMap((_, slot) => {
    const link = links?.find((each) => each?.from === INPUT_BORDER && each.fromSlot === slot);
    const target = link && nodes.find(({ id }) => id === link.to)?.inputs?.[link.toSlot];
    return target?.widget ? [slot] : [];
  });
}

/** Newer editors list the widgets that an instance shows, and save a value for each once one was changed. */
function promotedBy(instance: EditorNode, around: Scope): Map<string, unknown> {
  const listed = instance.properties?.proxyWidgets ?? [];
  const values = instance.widgets_values;
  if (!Array.isArray(values) || values.length !== listed.length) return new Map();
  const promoted = around.promoted;
  return new Map(
    listed.map(([id, name], place) => [
      `${id}/${name}`,
      promoted.get(`${instance.id}/${name}`) ?? values[place],
    ]),
  );
}
