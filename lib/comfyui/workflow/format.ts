import { z } from "zod";
import { parsePythonJson } from "./json.ts";

/**
 * What editors have saved since 2023. Only what is needed is checked: workflows carry much that other programs put there.
 * What only shows something may have any form, and counts as absent where it is not understood.
 */
const id = z.union([z.string(), z.number()]).transform(String);
const slot = z.union([z.number(), z.string().regex(/^\d+$/)]).transform(Number);
const absent = null;

const hint = z.looseObject({
  name: z.string(),
  directory: z.string(),
  url: z.string().nullish().catch(absent),
  hash: z.string().nullish().catch(absent),
  hash_type: z.string().nullish().catch(absent),
});

/** A widget that an instance shows: the node that has it, its name, and which of several of that name. */
export interface ShownWidget {
  readonly id: string;
  readonly name: string;
  readonly source: string | null;
}

const shown = z
  .tuple([id, z.string()], z.unknown())
  .transform(([node, name, source]): ShownWidget => {
    const isId = typeof source === "string" || typeof source === "number";
    // Older editors put the ids of the nodes on the way before the name.
    return { id: node, name: name.replace(/^(\s*\d+\s*:\s*)+/, ""), source: isId ? String(source) : null };
  })
  .nullable()
  .catch(absent);

/** A list, or its text. An entry that is not understood stays in its place, as values are told by theirs. */
const shownWidgets = z
  .unknown()
  .transform((value) => {
    const list = typeof value === "string" ? parsedList(value) : value;
    return Array.isArray(list) ? list.map((each) => shown.parse(each)) : [];
  })
  .catch([]);

const properties = z
  .looseObject({
    models: z.array(z.unknown()).nullish().catch(absent),
    cnr_id: z.unknown().optional(),
    aux_id: z.unknown().optional(),
    proxyWidgets: shownWidgets,
  })
  .nullish()
  .catch(absent);

const input = z
  .looseObject({
    name: z.string(),
    link: id.nullish().catch(absent),
    widget: z.looseObject({ name: z.string() }).nullish().catch(absent),
  })
  // Links tell inputs by their place.
  .catch({ name: "", link: absent, widget: absent });

const editorNode = z.looseObject({
  id,
  type: z.string(),
  title: z.string().nullish().catch(absent),
  /** 0 always, 2 never (muted), 4 bypassed; 1 and 3 are of old editors and run. */
  mode: slot.nullish().catch(absent),
  inputs: z.array(input).nullish().catch(absent),
  outputs: z.array(z.unknown()).nullish().catch(absent),
  properties,
  widgets_values: z
    .union([z.array(z.unknown()), z.record(z.string(), z.unknown())])
    .nullish()
    .catch(absent),
});

/** `[id, from, slot, to, slot, type]`, or the same with names in subgraphs. */
const link = z
  .union([
    z
      .tuple([id, id, slot, id, slot], z.unknown())
      .transform(([number, from, fromSlot, to, toSlot]) => ({ number, from, fromSlot, to, toSlot })),
    z
      .looseObject({ id, origin_id: id, origin_slot: slot, target_id: id, target_slot: slot })
      .transform((all) => ({
        number: all.id,
        from: all.origin_id,
        fromSlot: all.origin_slot,
        to: all.target_id,
        toSlot: all.target_slot,
      })),
  ])
  .nullable()
  .catch(absent);

const links = z.array(link).nullish().catch(absent);
const port = z.looseObject({ name: z.string() }).catch({ name: "" });

/** Nodes are read one by one, so that one that is not understood does not take the others along. */
const nodes = z.array(z.unknown());

const subgraph = z.looseObject({
  id,
  name: z.string().nullish().catch(absent),
  nodes,
  links,
  inputs: z.array(port).nullish().catch(absent),
});

/** The nodes of an old group node have no ids, only places: `links` are `[from, slot, to, slot, …]`. */
const groupNode = z.looseObject({
  nodes: z.array(editorNode.extend({ id: id.optional() })),
  links: z.array(z.array(z.unknown())).nullish().catch(absent),
});

/** What the editor saves. */
export const editorWorkflow = z.looseObject({
  nodes,
  links,
  definitions: z
    .looseObject({ subgraphs: z.array(z.unknown()).nullish() })
    .nullish()
    .catch(absent),
  models: z.array(z.unknown()).nullish().catch(absent),
  extra: z
    .looseObject({
      groupNodes: z.record(z.string(), z.unknown()).nullish().catch(absent),
      /** Links that cg-use-everywhere makes when the workflow is sent. */
      ue_links: z
        .array(z.looseObject({ upstream: id }).nullable().catch(absent))
        .nullish()
        .catch(absent),
    })
    .nullish()
    .catch(absent),
});

/** What is sent to ComfyUI: an input's value, or the node and slot it comes from. */
export const apiNode = z.looseObject({
  class_type: z.string(),
  inputs: z.record(z.string(), z.unknown()).nullish(),
  _meta: z
    .looseObject({ title: z.string().nullish().catch(absent) })
    .nullish()
    .catch(absent),
});

/** A workflow of nodes alone, as ComfyUI takes it. */
export const apiWorkflow = z.record(z.string(), apiNode);

function parsedList(text: string): unknown {
  try {
    return parsePythonJson(text);
  } catch {
    return [];
  }
}

export type EditorWorkflow = z.infer<typeof editorWorkflow>;
export type EditorNode = z.infer<typeof editorNode>;
export type EditorLink = NonNullable<z.infer<typeof link>>;
/** A subgraph or a group node, with the nodes that could be read. */
export type Subgraph = Pick<z.infer<typeof subgraph>, "id" | "name" | "links" | "inputs"> & {
  readonly nodes: readonly EditorNode[];
};
export type GroupNode = z.infer<typeof groupNode>;
export type ApiNode = z.infer<typeof apiNode>;
export { editorNode, groupNode, hint as modelHint, subgraph };
