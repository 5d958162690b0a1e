import type { EditorLink, EditorNode, Subgraph } from "./format.ts";
import { instanceValue, namesByNode, shownBy, shownFor } from "./shown-widgets.ts";
import { constantTypes, isGetter, isReroute, isSetter } from "./virtual.ts";
import type { InputValue } from "./workflow.ts";

/** Ids that the editor gives to the borders of a subgraph. */
export const INPUT_BORDER = "-10";
const OUTPUT_BORDER = "-20";

/** Reroutes, constants and names in a row: more than that is a circle. */
const LONGEST_WAY = 200;

/** One level of a workflow: its top, or the inside of one instance of a subgraph. */
export interface Scope {
  /** What ids of this level begin with: empty at the top, `57:` inside node 57. */
  readonly prefix: string;
  readonly nodes: ReadonlyMap<string, EditorNode>;
  readonly links: ReadonlyMap<string, EditorLink>;
  /** The links that begin at a node, by its id. */
  readonly outgoing: ReadonlyMap<string, readonly EditorLink[]>;
  /** The first node that keeps something under a name. */
  readonly setters: ReadonlyMap<string, EditorNode>;
  /** Values that the instance has for widgets in it, by `id/name` of a node of this level. */
  readonly promoted: ReadonlyMap<string, unknown>;
  /** The names of these by the node's id. */
  readonly promotedNames: ReadonlyMap<string, readonly string[]>;
  /** What the instance gets at an input of the subgraph; undefined where the node's own value counts. */
  readonly outer: (slot: number, steps: number) => InputValue | undefined;
  /** What is kept under a name, here or further out. */
  readonly kept: (name: unknown, steps: number) => InputValue | undefined;
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

/** The outermost level. */
export function topScope(
  nodes: readonly EditorNode[],
  links: readonly (EditorLink | null)[],
  rest: Pick<Scope, "isComposite" | "broadcasting">,
): Scope {
  const scope: Scope = {
    ...rest,
    ...tables(nodes, links),
    prefix: "",
    promoted: new Map(),
    promotedNames: new Map(),
    outer: () => undefined,
    kept: (name, steps) => keptIn(scope, name, steps),
  };
  return scope;
}

/** The inside of `instance`, a node of `around`. */
export function enterSubgraph(instance: EditorNode, definition: Subgraph, around: Scope): Scope {
  const promoted = shownBy(instance, around.promoted);
  const scope: Scope = {
    ...around,
    ...tables(definition.nodes, definition.links ?? []),
    prefix: `${around.prefix}${instance.id}:`,
    promoted,
    promotedNames: namesByNode(promoted),
    outer: (slot, steps) => valueAtInstance(instance, definition, slot, around, steps),
    kept: (name, steps) => keptIn(scope, name, steps) ?? around.kept(name, steps),
  };
  return scope;
}

/** Nodes and links by id. */
function tables(nodes: readonly EditorNode[], links: readonly (EditorLink | null)[]) {
  const byNumber = new Map(links.flatMap((link) => (link ? [[link.number, link] as const] : [])));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const outgoing = new Map<string, EditorLink[]>();
  for (const link of byNumber.values()) {
    const others = outgoing.get(link.from);
    if (others) others.push(link);
    else outgoing.set(link.from, [link]);
  }
  const setters = new Map<string, EditorNode>();
  for (const node of byId.values()) {
    const name = isSetter(node.type) ? firstValue(node) : undefined;
    if (typeof name === "string" && !setters.has(name)) setters.set(name, node);
  }
  return { nodes: byId, links: byNumber, outgoing, setters };
}

/** What comes through a link: a value that the file has, or the node that makes it. */
export function resolveLink(number: string, scope: Scope, steps = 0): InputValue | undefined {
  const link = scope.links.get(number);
  if (!link || steps > LONGEST_WAY) return undefined;
  if (link.from === INPUT_BORDER) return scope.outer(link.fromSlot, steps + 1);
  const origin = scope.nodes.get(link.from);
  if (!origin) return undefined;
  const made: InputValue = { from: { id: `${scope.prefix}${origin.id}`, type: origin.type } };
  if (isReroute(origin.type)) return throughFirstInput(origin, scope, steps);
  if (isGetter(origin.type)) return scope.kept(firstValue(origin), steps + 1) ?? made;
  if (constantTypes.has(origin.type) && isActive(origin)) {
    const widgetLink = origin.inputs?.find(({ widget }) => widget)?.link;
    const given = widgetLink == null ? undefined : resolveLink(widgetLink, scope, steps + 1);
    const shown = shownFor(origin.id, "value", scope.promoted);
    return given ?? { value: shown ?? firstValue(origin) };
  }
  return made;
}

function keptIn(scope: Scope, name: unknown, steps: number): InputValue | undefined {
  if (typeof name !== "string" || name === "") return undefined;
  const setter = scope.setters.get(name);
  return setter && throughFirstInput(setter, scope, steps);
}

function throughFirstInput(node: EditorNode, scope: Scope, steps: number): InputValue | undefined {
  const next = node.inputs?.[0]?.link;
  return next == null ? undefined : resolveLink(next, scope, steps + 1);
}

function firstValue({ widgets_values: values }: EditorNode): unknown {
  return Array.isArray(values) ? values[0] : undefined;
}

/** Ids of the nodes that use a node's results; null where something uses them that has no id. */
export function usersOf(node: EditorNode, scope: Scope): string[] | null {
  if ((node.outputs ?? []).length === 0 || scope.broadcasting.has(`${scope.prefix}${node.id}`)) return null;
  const users: string[] = [];
  for (const { to } of scope.outgoing.get(node.id) ?? []) {
    const target = scope.nodes.get(to);
    if (to === OUTPUT_BORDER) return null;
    if (!target || isMuted(target)) continue;
    const handsOn = !isActive(target) || isReroute(target.type) || isSetter(target.type);
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
  steps: number,
): InputValue | undefined {
  const name = definition.inputs?.[slot]?.name;
  if (name === undefined) return undefined;
  const link = instance.inputs?.find((input) => input.name === name)?.link;
  const linked = link == null ? undefined : resolveLink(link, around, steps);
  return linked ?? instanceValue(instance, definition, slot, around.promoted);
}
