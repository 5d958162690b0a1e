import { z } from "zod";

/** Only what is needed is checked: workflows carry much that other programs put there. */
const id = z.union([z.string(), z.number()]).transform(String);
const linkId = z.number().nullish();

const hint = z.looseObject({
  name: z.string(),
  directory: z.string(),
  url: z.string().nullish(),
  hash: z.string().nullish(),
  hash_type: z.string().nullish(),
});

const properties = z.looseObject({
  models: z.array(z.unknown()).nullish(),
  cnr_id: z.unknown().optional(),
  aux_id: z.unknown().optional(),
  proxyWidgets: z.array(z.tuple([id, z.string()])).nullish(),
});

const editorNode = z.looseObject({
  id,
  type: z.string(),
  title: z.string().nullish(),
  /** 0 always, 2 never (muted), 4 bypassed; 1 and 3 are of old editors and run. */
  mode: z.number().nullish(),
  inputs: z
    .array(
      z.looseObject({
        name: z.string(),
        link: linkId,
        widget: z.looseObject({ name: z.string() }).nullish(),
      }),
    )
    .nullish(),
  outputs: z.array(z.looseObject({ links: z.array(z.number().nullable()).nullish() })).nullish(),
  properties: properties.nullish(),
  widgets_values: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).nullish(),
});

/** `[id, from, slot, to, slot, type]`, or the same with names in subgraphs. */
const link = z.union([
  z
    .tuple([z.number(), id, z.number(), id, z.number()], z.unknown())
    .transform(([number, from, fromSlot, to, toSlot]) => ({ number, from, fromSlot, to, toSlot })),
  z
    .looseObject({
      id: z.number(),
      origin_id: id,
      origin_slot: z.number(),
      target_id: id,
      target_slot: z.number(),
    })
    .transform((all) => ({
      number: all.id,
      from: all.origin_id,
      fromSlot: all.origin_slot,
      to: all.target_id,
      toSlot: all.target_slot,
    })),
]);

const port = z.looseObject({ name: z.string() });

const subgraph = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  nodes: z.array(editorNode),
  links: z.array(link.nullable()).nullish(),
  inputs: z.array(port).nullish(),
  outputs: z.array(port).nullish(),
});

/** The nodes of an old group node have no ids, only places: `links` are `[from, slot, to, slot, …]`. */
const groupNode = z.looseObject({
  nodes: z.array(editorNode.extend({ id: id.optional() })),
  links: z.array(z.array(z.unknown())).nullish(),
});

/** What the editor saves. */
export const editorWorkflow = z.looseObject({
  nodes: z.array(editorNode),
  links: z.array(link.nullable()).nullish(),
  definitions: z.looseObject({ subgraphs: z.array(subgraph).nullish() }).nullish(),
  extra: z
    .looseObject({
      groupNodes: z.record(z.string(), groupNode).nullish(),
      /** Links that cg-use-everywhere makes when the workflow is sent. */
      ue_links: z.array(z.looseObject({ upstream: id })).nullish(),
    })
    .nullish(),
});

/** What is sent to ComfyUI: nodes by id, an input's value or the node and slot it comes from. */
export const apiWorkflow = z.record(
  z.string(),
  z.looseObject({
    class_type: z.string(),
    inputs: z.record(z.string(), z.unknown()).nullish(),
    _meta: z.looseObject({ title: z.string().nullish() }).nullish(),
  }),
);

export type EditorWorkflow = z.infer<typeof editorWorkflow>;
export type EditorNode = z.infer<typeof editorNode>;
export type EditorLink = z.infer<typeof link>;
export type Subgraph = z.infer<typeof subgraph>;
export type GroupNode = z.infer<typeof groupNode>;
export type ApiWorkflow = z.infer<typeof apiWorkflow>;
export const modelHint = hint;
