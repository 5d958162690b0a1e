import { toHint } from "./addresses.ts";
import type { EditorNode } from "./format.ts";
import { resolveLink, type Scope, usersOf } from "./scope.ts";
import type { InputValue, WorkflowNode } from "./workflow.ts";

/** What the editor shows of a seed's widget after each run. */
const controls = new Set(["fixed", "increment", "decrement", "randomize"]);

/** A node of the editor with the values that it will run with. */
export function toNode(node: EditorNode, scope: Scope): WorkflowNode {
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
  const promoted = (scope.promotedNames.get(node.id) ?? []).map((name) => {
    const value = scope.promoted.get(`${start}${name}`);
    // Where the list says whose widget it is, the id stands there twice.
    return [name.startsWith(start) ? name.slice(start.length) : name, { value }] as const;
  });
  const listedNames = new Set(promoted.map(([name]) => name));
  // A link from further out that says nothing certain is no better than what the instance lists.
  const certain = values.filter(([name, value]) => !("unclear" in value && listedNames.has(name)));
  return Object.fromEntries([...promoted, ...certain]);
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
  const names = [properties?.aux_id, properties?.cnr_id];
  return names.find((name): name is string => typeof name === "string" && name !== "") ?? null;
}
