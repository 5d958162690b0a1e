/**
 * The values that an instance of a subgraph shows and saves, and which widget inside each belongs to. Editors have written
 * that in three ways: a list `proxyWidgets` of inner nodes and their widgets (`-1` for an input of the subgraph itself),
 * with the values in the same places; no list, but a value for each input that ends at a widget; or values by name.
 * Source: src/core/graph/subgraph of Comfy-Org/ComfyUI_frontend, above all migration/proxyWidgetMigration.ts.
 */
import type { EditorNode, ShownWidget, Subgraph } from "./format.ts";
import type { InputValue } from "./workflow.ts";

const INPUT_BORDER = "-10";

/** Stands for the instance itself in the list of what it shows. */
const ITSELF = "-1";

/** What the editor shows of a seed's widget after each run. */
const controls = new Set<unknown>(["fixed", "increment", "decrement", "randomize"]);

type Promoted = ReadonlyMap<string, unknown>;

/** Values for widgets by `id/name` or `id/id/name`, and their names by the first id. */
export function namesByNode(shown: Promoted): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const key of shown.keys()) {
    const end = key.indexOf("/");
    const id = key.slice(0, end);
    const others = names.get(id);
    if (others) others.push(key.slice(end + 1));
    else names.set(id, [key.slice(end + 1)]);
  }
  return names;
}

/** The values that count for widgets of nodes inside, by `id/name`: of the outermost instance that shows them. */
export function shownBy(instance: EditorNode, around: Promoted): Map<string, unknown> {
  const shown = new Map<string, unknown>();
  const entries = listed(instance);
  const innermost = new Set(entries.map(({ id, name, source }) => `${source ?? id}/${name}`));
  for (const { id, name, source, value } of entries) {
    // Of several of one name an outer list says the innermost node, or the next where that one is not another's innermost.
    const next = innermost.has(`${id}/${name}`) ? undefined : around.get(`${instance.id}/${id}/${name}`);
    const outer =
      around.get(`${instance.id}/${source ?? id}/${name}`) ?? next ?? around.get(`${instance.id}/${name}`);
    const counts = outer ?? value;
    if (counts === undefined || counts === null) continue;
    shown.set(source === null ? `${id}/${name}` : `${id}/${source}/${name}`, counts);
  }
  return shown;
}

/** What counts for a widget of a node: an instance around names the node once, or twice where it says whose widget it is. */
export function shownFor(id: string, name: string, shown: Promoted): unknown {
  return shown.get(`${id}/${name}`) ?? shown.get(`${id}/${id}/${name}`);
}

/** What an instance has for an input of its subgraph; undefined where the inner node's own value counts. */
export function instanceValue(
  instance: EditorNode,
  definition: Subgraph,
  slot: number,
  around: Promoted,
): InputValue | undefined {
  const name = definition.inputs?.[slot]?.name ?? "";
  const target = targetOf(definition, slot);
  // A name that an input of the subgraph has is that input's.
  const isOfAnother = (definition.inputs ?? []).some((input) => input.name === target?.widget);
  const outer =
    (target && around.get(`${instance.id}/${target.id}/${target.widget}`)) ??
    around.get(`${instance.id}/${name}`) ??
    (target && !isOfAnother ? around.get(`${instance.id}/${target.widget}`) : undefined);
  if (outer !== undefined) return { value: outer };
  const values = instance.widgets_values;
  if (!values) return undefined;
  if (!Array.isArray(values)) return name in values ? present(values[name]) : undefined;
  const entries = listed(instance);
  if (entries.length === 0) return target && byPlace(instance, definition, slot, values);
  return present(entries.find((entry) => entry.id === ITSELF && entry.name === name)?.value);
}

function present(value: unknown): InputValue | undefined {
  return value === undefined || value === null ? undefined : { value };
}

/** The list with each one's value; editors leave out what they do not save, from the end or as null. */
function listed(instance: EditorNode): (ShownWidget & { value: unknown })[] {
  const values = instance.widgets_values;
  return (instance.properties?.proxyWidgets ?? []).flatMap((entry, place) => {
    if (!entry) return [];
    return [{ ...entry, value: Array.isArray(values) ? values[place] : values?.[entry.name] }];
  });
}

/** Without a list: the values of the inputs that end at a widget, in their order. */
function byPlace(
  instance: EditorNode,
  definition: Subgraph,
  slot: number,
  values: readonly unknown[],
): InputValue | undefined {
  const shown = (definition.inputs ?? []).flatMap((_, each) => (targetOf(definition, each) ? [each] : []));
  const places = placesOf(
    shown.map((each) => definition.inputs?.[each]?.name ?? ""),
    values,
  );
  const place = places?.[shown.indexOf(slot)];
  if (place !== undefined) return present(values[place]);
  if (values.length === 0) return undefined;
  const title = instance.title ?? definition.name ?? instance.type;
  return {
    unclear: `depends on what the subgraph "${title}" (node ${instance.id}) shows, and its values are not one for each input`,
  };
}

/** Where each one's value is; some editors save what becomes of a seed behind it. Undefined where the numbers do not fit. */
function placesOf(names: readonly string[], values: readonly unknown[]): number[] | undefined {
  if (names.length === values.length) return names.map((_, place) => place);
  const places: number[] = [];
  let next = 0;
  for (const name of names) {
    places.push(next++);
    if (/seed/i.test(name) && controls.has(values[next])) next++;
  }
  return next === values.length ? places : undefined;
}

/** The widget inside at which an input of the subgraph ends. */
function targetOf({ links, nodes }: Subgraph, slot: number): { id: string; widget: string } | undefined {
  for (const link of links ?? []) {
    if (link?.from !== INPUT_BORDER || link.fromSlot !== slot) continue;
    const widget = nodes.find(({ id }) => id === link.to)?.inputs?.[link.toSlot]?.widget;
    if (widget) return { id: link.to, widget: widget.name };
  }
  return undefined;
}
