/** Whatever is given: an answer or an error of the user's, in time that grows with its size. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { UserError } from "../../../../../errors.ts";
import { analyse } from "../../../../../lib/comfyui/workflow/analyse.ts";
import { compare } from "../../../../../lib/comfyui/workflow/compare.ts";
import { readWorkflow } from "../../../../../lib/comfyui/workflow/read.ts";
import { madeWorkflow } from "../../../../support/made-workflows.ts";
import { png, someIndex, text, toBytes } from "../../../../support/workflows.ts";

/** The whole way of `npm run models`. */
function answer(bytes: Buffer): string | undefined {
  try {
    const needs = analyse([readWorkflow(bytes, "any")], someIndex);
    compare(needs, { models: [], incomplete: [] }, someIndex);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof UserError, String((error as Error).stack));
    return error.message;
  }
}

/** Names that objects have by themselves are names like any other. */
const names = fc.constantFrom("constructor", "__proto__", "toString", "hasOwnProperty", "Reroute", "GetNode");
const odd = fc.oneof(
  names,
  fc.constantFrom(null, true, -1, 1.5, "", "-10", "-20", "None", "<lora:", "embedding:", "a.safetensors"),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Puts other values at places of a document; a place is a way of numbers through its fields. */
function changed(document: unknown, changes: readonly (readonly [readonly number[], unknown])[]): unknown {
  const root = { document };
  for (const [way, value] of changes) {
    let at: Record<string, unknown> = root;
    for (const step of way) {
      const inside = Object.entries(at).filter(([, each]) => typeof each === "object" && each !== null);
      const next = inside[step % Math.max(inside.length, 1)];
      if (!next) break;
      at = next[1] as Record<string, unknown>;
    }
    const keys = Object.keys(at);
    const key = keys[(way[0] ?? 0) % Math.max(keys.length, 1)];
    if (key !== undefined) Object.defineProperty(at, key, { value, enumerable: true });
  }
  return root.document;
}

test("workflows with any values at any places give an answer or say what is wrong", () => {
  const changes = fc.array(fc.tuple(fc.array(fc.nat(40), { minLength: 1, maxLength: 7 }), odd), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.gen(), changes, (pick, list) => {
      const { workflow } = madeWorkflow(pick);
      answer(toBytes(changed(structuredClone(workflow), list)));
    }),
    { numRuns: 1000 },
  );
});

test("classes, folders and inputs may be called as objects call their own", () => {
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
    const node = {
      id: name,
      type: name,
      inputs: [{ name, widget: { name }, link: null }],
      widgets_values: ["a.safetensors"],
      properties: { models: [{ name: "a.safetensors", directory: name }], cnr_id: name },
    };
    assert.equal(answer(toBytes({ nodes: [node], links: [], extra: { groupNodes: {} } })), undefined, name);
    assert.equal(
      answer(Buffer.from(`{"1": {"class_type": "${name}", "inputs": {"${name}": "x"}}}`)),
      undefined,
    );
  }
});

const MIB = 2 ** 20;
const many = (count: number, each: (index: number) => unknown) =>
  Array.from({ length: count }, (_, at) => each(at));

/** A node whose result the next one takes, from the last to the first. */
function chain(type: string, count: number, values: (at: number) => unknown[] = () => []) {
  return {
    nodes: many(count, (at) => ({
      id: at,
      type,
      inputs: [{ name: "a", link: at + 1 }],
      outputs: [{}],
      widgets_values: values(at),
    })),
    links: many(count, (at) => [at + 1, at + 1, 0, at, 0]),
  };
}

/** Of about a MiB each: what would take long where work grows faster than the file. */
const large: Readonly<Record<string, () => Buffer>> = {
  "nodes and links": () => toBytes(chain("Any", 11_000)),
  "loaders in a row that nobody uses": () => toBytes(chain("UNETLoader", 9_000, (at) => [`f${at}.pt`])),
  "names that are kept": () => {
    const nodes = many(5_000, (at) => [
      { id: at, type: "SetNode", inputs: [{ name: "*", link: null }], widgets_values: [`n${at}`] },
      { id: at + 9e5, type: "GetNode", widgets_values: [`n${4_999 - at}`] },
      { id: at + 5e5, type: "UNETLoader", inputs: [{ name: "unet_name", link: at }] },
    ]).flat();
    return toBytes({ nodes, links: many(5_000, (at) => [at, at + 9e5, 0, at + 5e5, 0]) });
  },
  "reroutes in a circle": () => toBytes(chain("Reroute", 11_000)),
  "an instance that shows much": () => {
    const count = 5_000;
    const nodes = many(count, (at) => ({ id: at, type: "UNETLoader", widgets_values: ["a.pt"] }));
    const proxyWidgets = many(count, (at) => [String(at), "unet_name"]);
    const instance = {
      id: 1,
      type: "s",
      properties: { proxyWidgets },
      widgets_values: many(count, () => "b.pt"),
    };
    return toBytes({ nodes: [instance], definitions: { subgraphs: [{ id: "s", nodes }] } });
  },
  "instances of something large": () => {
    const nodes = many(8_000, (at) => ({ id: at, type: "UNETLoader" }));
    const instances = many(8_000, (at) => ({ id: at, type: "s" }));
    return toBytes({ nodes: instances, definitions: { subgraphs: [{ id: "s", nodes }] } });
  },
  "instances in instances": () => {
    const subgraphs = many(30, (at) => ({
      id: `s${at}`,
      nodes: many(500, (id) => ({ id, type: `s${at + 1}` })),
    }));
    return toBytes({ nodes: [{ id: 1, type: "s0" }], definitions: { subgraphs } });
  },
  "beginnings of addresses in a note": () =>
    toBytes({ nodes: [{ id: 1, type: "Note", widgets_values: ["https://".repeat(MIB / 8)] }] }),
  "beginnings of tags": () =>
    toBytes({
      1: { class_type: "ImpactWildcardEncode", inputs: { wildcard_text: "<lora:a".repeat(MIB / 7) } },
    }),
  "names of embeddings": () =>
    toBytes({ 1: { class_type: "CLIPTextEncode", inputs: { text: "embedding:".repeat(MIB / 10) } } }),
  "blanks in the middle": () => Buffer.from(`{"nodes": [${" ".repeat(MIB)}]}`),
  "blanks and no JSON": () => Buffer.from(`{"nodes": [${" ".repeat(MIB)}x`),
  "quotes and backslashes": () => Buffer.from(`{"a": "${'\\\\"'.repeat(MIB / 3)}`),
  "what only Python writes": () => Buffer.from(`{"nodes": [], "a": [${"NaN,".repeat(MIB / 4)}0]}`),
  "lists in lists": () =>
    Buffer.from(`{"nodes": [{"id": 1, "type": "a", "widgets_values": ${"[".repeat(MIB / 2)}`),
  "closed lists in lists": () => {
    const deep = `${"[".repeat(MIB / 4)}${"]".repeat(MIB / 4)}`;
    return Buffer.from(`{"1": {"class_type": "Lora Loader (LoraManager)", "inputs": {"loras": ${deep}}}}`);
  },
  "a value that is a deep list": () => {
    const deep = `${"[".repeat(MIB / 4)}${"]".repeat(MIB / 4)}`;
    return Buffer.from(`{"1": {"class_type": "UNETLoader", "inputs": {"unet_name": ${deep}}}}`);
  },
  "a comment of deep lists": () => {
    const deep = `${'{"a":'.repeat(MIB / 8)}1${"}".repeat(MIB / 8)}`;
    return png([text("comment", `{"prompt": ${deep}}`)]);
  },
  "texts in texts": () => {
    let value = '{"nodes": []}';
    while (value.length < MIB / 2) value = JSON.stringify(value);
    return Buffer.from(value);
  },
  "chunks without end": () => png(many(60_000, (at) => text(`k${at}`, "x")) as ReturnType<typeof text>[]),
  boxes: () =>
    Buffer.concat([Buffer.from("\0\0\0\x10ftypisom\0\0\0\0", "latin1"), Buffer.alloc(MIB, "\0\0\0\x08free")]),
  elements: () =>
    Buffer.concat([
      Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0x80]),
      Buffer.alloc(MIB, Buffer.from([0xec, 0x80])),
    ]),
  zeros: () => Buffer.alloc(MIB),
};

for (const [name, make] of Object.entries(large)) {
  test(`a MiB of ${name} takes less than a second`, () => {
    const bytes = make();
    answer(toBytes({ nodes: [] }));
    const before = process.cpuUsage();
    answer(bytes);
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    // Of the processor's time: other programs do not count.
    assert.ok(
      seconds < Math.max(1, bytes.length / MIB) * 1.5,
      `${seconds.toFixed(2)} s for ${bytes.length} bytes`,
    );
  });
}
