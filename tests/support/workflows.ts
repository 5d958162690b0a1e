import { deflateSync } from "node:zlib";
import { type ClassIndex, classIndex } from "../../lib/comfyui/workflow/class-index.ts";
import { readWorkflow } from "../../lib/comfyui/workflow/read.ts";
import type { Workflow } from "../../lib/comfyui/workflow/workflow.ts";
import { comfyuiName, type NodeClasses } from "../../lib/locks/node-classes.ts";

type Json = Record<string, unknown>;

/** A node in the editor's format; its widgets are listed among the inputs, as newer editors do. */
export function editorNode(id: number, type: string, widgets: Json = {}, more: Json = {}): Json {
  const { inputs = [], ...rest } = more as { inputs?: Json[] };
  return {
    id,
    type,
    mode: 0,
    inputs: [
      ...inputs,
      ...Object.keys(widgets).map((name) => ({ name, type: "COMBO", widget: { name }, link: null })),
    ],
    outputs: [{ name: "out", type: "*", links: null }],
    widgets_values: Object.values(widgets),
    ...rest,
  };
}

/** A node that nothing has to use: where a workflow ends. */
export const sink = (id: number): Json => editorNode(id, "SaveImage", {}, { outputs: [] });

/** `[from, to]`: from output 0 to the input at `slot` of `to`. */
export function workflowLink(id: number, from: number, to: number, slot = 0): unknown[] {
  return [id, from, 0, to, slot, "*"];
}

/** The same inside a subgraph, where links have names. */
export function innerLink(id: number, from: number, to: number, slots: [number, number] = [0, 0]): Json {
  return { id, origin_id: from, origin_slot: slots[0], target_id: to, target_slot: slots[1], type: "*" };
}

export function editorFile(
  nodes: readonly Json[],
  links: readonly unknown[][] = [],
  more: Json = {},
): Buffer {
  return toBytes({ last_node_id: 99, version: 0.4, nodes, links, ...more });
}

/** A node in the API format. */
export function apiNode(type: string, inputs: Json = {}): Json {
  return { class_type: type, inputs, _meta: { title: type } };
}

export function toBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function read(bytes: Buffer, path = "flow.json"): Workflow {
  return readWorkflow(bytes, path);
}

/** A PNG without a picture: its signature, the given chunks and an end. Checksums are not checked by anybody. */
export function png(chunks: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = [...chunks, ["IEND", Buffer.alloc(0)] as const].map(([type, data]) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, Buffer.from(type, "latin1"), data, Buffer.alloc(4)]);
  });
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]);
}

export const text = (key: string, value: string | Buffer) =>
  ["tEXt", Buffer.concat([Buffer.from(`${key}\0`, "latin1"), Buffer.from(value)])] as const;
export const packedText = (key: string, value: string) =>
  ["zTXt", Buffer.concat([Buffer.from(`${key}\0\0`, "latin1"), deflateSync(value)])] as const;
export const unicodeText = (key: string, value: string, isPacked: boolean) =>
  [
    "iTXt",
    Buffer.concat([
      Buffer.from(`${key}\0${isPacked ? "\x01" : "\0"}\0en\0Schl\xfcssel\0`, "latin1"),
      isPacked ? deflateSync(Buffer.from(value)) : Buffer.from(value),
    ]),
  ] as const;

const only = (folder: string, widget: number | null = 0) => ({ folders: [folder], widget });

const nothingElse = { loads: {}, open: [], elsewhere: [], alone: [], unread: [] };

/** A small ComfyUI, a few nodes of the lock, and some that only ComfyUI-Manager knows. */
export const someClasses: NodeClasses = {
  repositories: {
    [comfyuiName]: {
      commit: "a".repeat(40),
      classes: [
        ...["CLIPTextEncode", "KSampler", "SaveImage", "LoadImage", "ImagePass", "PrimitiveString"],
        ...["UNETLoader", "VAELoader", "LoraLoaderModelOnly", "CLIPLoader", "DualCLIPLoader", "TrainLora"],
        "AddLabel",
      ],
      models: {
        UNETLoader: { unet_name: only("diffusion_models") },
        VAELoader: { vae_name: { folders: ["vae", "vae_approx"], widget: 0 } },
        LoraLoaderModelOnly: { lora_name: only("loras") },
        CLIPLoader: { clip_name: only("text_encoders") },
        DualCLIPLoader: { clip_name1: only("text_encoders"), clip_name2: only("text_encoders", 1) },
        TrainLora: { existing_lora: only("loras", 3) },
        AddLabel: { font: only("kjnodes_fonts") },
      },
      ...nothingElse,
      alone: ["TrainLora"],
    },
    "city96/ComfyUI-GGUF": {
      commit: "b".repeat(40),
      classes: ["CLIPLoaderGGUF", "UnetLoaderGGUF"],
      models: {
        CLIPLoaderGGUF: { clip_name: { folders: ["clip", "clip_gguf"], widget: 0 } },
        UnetLoaderGGUF: { unet_name: only("unet_gguf") },
      },
      ...nothingElse,
    },
    "Fannovel16/ComfyUI-Frame-Interpolation": {
      commit: "c".repeat(40),
      classes: ["RIFE VFI"],
      models: {},
      ...nothingElse,
    },
    "one/suite": { commit: "d".repeat(40), classes: ["Twin"], models: {}, ...nothingElse },
    "two/suite": { commit: "e".repeat(40), classes: ["Twin"], models: {}, ...nothingElse },
  },
  manager: "f".repeat(40),
  others: {
    "far/away": ["FarLoader", "Shared"],
    "fork/away": ["Shared"],
    "some/unloader": ["UnloadModel"],
  },
  patterns: { "named/nodes": " \\(named\\)$" },
};

export const someIndex: ClassIndex = classIndex(someClasses);
