import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apiNode,
  editorFile,
  editorNode,
  packedText,
  png,
  read,
  text,
  toBytes,
  unicodeText,
} from "../../../../support/workflows.ts";

const api = { "1": apiNode("UNETLoader", { unet_name: "a.safetensors" }) };

test("both formats are told apart, also inside the body of a request", () => {
  assert.equal(
    read(editorFile([editorNode(1, "UNETLoader", { unet_name: "a.safetensors" })])).format,
    "editor",
  );
  for (const body of [
    api,
    { prompt: api, client_id: "x" },
    { input: { workflow: api } },
    { workflow: api },
  ]) {
    const workflow = read(toBytes(body));
    assert.equal(workflow.format, "api");
    assert.deepEqual(workflow.nodes[0]?.named, { unet_name: { value: "a.safetensors" } });
  }
});

test("numbers that only Python writes do not get in the way, and texts stay as they are", () => {
  const file = `{"1": {"class_type": "A", "is_changed": [NaN], "inputs": {"a": -Infinity, "t": "a NaN \\" NaN"}}}`;
  assert.deepEqual(read(Buffer.from(file)).nodes[0]?.named, {
    a: { value: null },
    t: { value: 'a NaN " NaN' },
  });
});

test("a mark at the beginning is no part of the text", () => {
  assert.equal(read(Buffer.concat([Buffer.from("\ufeff"), toBytes(api)])).format, "api");
});

test("what is no workflow says so with its path", () => {
  for (const [bytes, problem] of [
    [Buffer.from("{"), /^UserError: flow\.json: is neither JSON nor a PNG: /],
    [toBytes([1]), /flow\.json: is not a ComfyUI workflow\. Save it in ComfyUI with Export/],
    [toBytes({}), /is not a ComfyUI workflow/],
    [toBytes({ models: {} }), /is not a ComfyUI workflow/],
    [toBytes({ nodes: [{ id: 1 }], links: [] }), /flow\.json: nodes\.0\.type: is missing/],
  ] as const) {
    assert.throws(() => read(bytes), problem);
  }
});

test("a PNG gives what was sent, else what the editor saved", () => {
  const editor = editorFile([editorNode(1, "UNETLoader", { unet_name: "b.safetensors" })]).toString();
  const sent = JSON.stringify(api);
  assert.equal(read(png([text("workflow", editor), text("prompt", sent)])).format, "api");
  assert.equal(read(png([text("workflow", editor)])).format, "editor");
  assert.equal(read(png([packedText("prompt", sent)])).format, "api");
  for (const isPacked of [true, false]) {
    const other = JSON.stringify({ "1": apiNode("Ü", {}) });
    assert.equal(read(png([unicodeText("prompt", other, isPacked)])).nodes[0]?.type, "Ü");
  }
});

test("a PNG without a workflow, or a damaged one, says so", () => {
  assert.throws(() => read(png([text("Software", "x")])), /is a PNG without a workflow/);
  const whole = png([text("prompt", JSON.stringify(api))]);
  assert.throws(() => read(whole.subarray(0, 40)), /is a damaged PNG: its chunk tEXt is cut off/);
  const [type, data] = packedText("prompt", "x".repeat(100));
  const broken = Buffer.from(data);
  broken.fill(0xff, data.length - 5);
  assert.throws(() => read(png([[type, broken]])), /is a damaged PNG: a compressed text cannot be read/);
});

test("of several texts with one keyword the first counts", () => {
  const other = JSON.stringify({ "1": apiNode("Other", {}) });
  const file = png([text("prompt", JSON.stringify(api)), text("prompt", other)]);
  assert.equal(read(file).nodes[0]?.type, "UNETLoader");
});

test("a text that unpacks to more than any workflow has is damage", () => {
  const bomb = png([packedText("prompt", "x".repeat(64 * 2 ** 20 + 1))]);
  assert.throws(() => read(bomb), /is a damaged PNG: a compressed text cannot be read/);
});

test("links of the API's format lead to a value, or to the node that makes it", () => {
  const { nodes } = read(
    toBytes({
      "1": apiNode("PrimitiveString", { value: "a.safetensors" }),
      "2": apiNode("Random", {}),
      "3": apiNode("UNETLoader", { unet_name: ["1", 0] }),
      "4": apiNode("UNETLoader", { unet_name: ["2", 0] }),
      "5": apiNode("UNETLoader", { unet_name: ["9", 0], list: { __value__: ["1", 0] } }),
    }),
  );
  assert.deepEqual(
    nodes.slice(2).map(({ named }) => named),
    [
      { unet_name: { value: "a.safetensors" } },
      { unet_name: { from: { id: "2", type: "Random" } } },
      { unet_name: { from: { id: "9", type: "a node that is missing" } }, list: { value: ["1", 0] } },
    ],
  );
  assert.deepEqual(
    nodes.map(({ users }) => users),
    [["3"], ["4"], [], [], []],
  );
});

test("only a whole pair of a node's id and a slot is a link; lists are values", () => {
  const values = [["1", 0, 1], [1, 0], ["1", "0"], ["1"], []];
  const inputs = Object.fromEntries(values.map((value, index) => [`${index}`, value]));
  const [first, second] = read(toBytes({ "1": apiNode("X", {}), "2": { class_type: "Y", inputs } })).nodes;
  assert.deepEqual(
    Object.values(second?.named ?? {}),
    values.map((value) => ({ value })),
  );
  assert.deepEqual([first?.users, first?.title, second?.title], [[], "X", null]);
});

test("a constant of the API's format that has no value of its own, or gets it, makes it when it runs", () => {
  const from = (constant: object) =>
    read(toBytes({ "1": constant, "2": apiNode("Y", { file: ["1", 0] }) })).nodes[1]?.named.file;
  const type = "PrimitiveString";
  for (const constant of [{ class_type: type }, apiNode(type, {}), apiNode(type, { value: ["3", 0] })])
    assert.deepEqual(from(constant), { from: { id: "1", type } });
});

test("a workflow is what it says itself to be, whatever else is in it", () => {
  const inner = { "9": apiNode("Inner", {}) };
  const editor = { nodes: [{ id: 1, type: "Outer" }], prompt: inner };
  assert.equal(read(toBytes(editor)).nodes[0]?.type, "Outer");
  assert.equal(
    read(toBytes({ prompt: apiNode("Outer", {}), workflow: apiNode("Other", {}) })).nodes.length,
    2,
  );
  assert.equal(read(toBytes({ input: { workflow: inner } })).nodes[0]?.type, "Inner");
  for (const other of [
    { "1": apiNode("X", {}), "2": { inputs: {} } },
    { prompt: [inner] },
    { prompt: null },
    null,
    "x",
  ])
    assert.throws(() => read(toBytes(other)), /is not a ComfyUI workflow/);
});

test("a mark of the byte order is left out at the beginning alone", () => {
  assert.equal(read(toBytes({ "1": apiNode("\ufeffX", {}) })).nodes[0]?.type, "\ufeffX");
});

test("chunks of a PNG that hold no text are passed over, and a text may have no end of its keyword", () => {
  const sent = JSON.stringify(api);
  const other = text("prompt", JSON.stringify({ "1": apiNode("Other", {}) }))[1];
  assert.equal(read(png([["IDAT", other], text("prompt", sent)])).nodes[0]?.type, "UNETLoader");
  const bare = ["tEXt", Buffer.from("prompt")] as const;
  assert.throws(() => read(png([bare])), /is neither JSON nor a PNG/);
  assert.equal(read(png([text("", "x"), text("prompt", sent)])).format, "api");
});
