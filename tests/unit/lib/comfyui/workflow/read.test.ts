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
    [
      Buffer.from("{"),
      /^UserError: flow\.json: is neither JSON nor a file in which ComfyUI saves a workflow: /,
    ],
    [Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:1"), /a pointer of Git LFS/],
    [Buffer.from("GIF89a\0\0"), /saves a workflow\. Save it in ComfyUI with Export/],
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
  for (const other of [{ "2": { inputs: {} } }, { prompt: [inner] }, { prompt: null }, null, "x"])
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
  assert.throws(() => read(png([bare])), /is neither JSON nor a file/);
  assert.equal(read(png([text("", "x"), text("prompt", sent)])).format, "api");
});

test("a text of any size is read in time that grows with it, also with what only Python writes", () => {
  const picture = "A".repeat(12 * 2 ** 20);
  const inputs = { unet_name: "a.safetensors", picture, text: `${"\\".repeat(2 ** 20)} NaN "` };
  const body = JSON.stringify({ input: { workflow: { "1": apiNode("UNETLoader", inputs) } } });
  for (const text of [body, body.replace('"_meta"', '"is_changed": [NaN, -Infinity], "_meta"')]) {
    const start = performance.now();
    const [node] = read(Buffer.from(text)).nodes;
    assert.ok(performance.now() - start < 10_000);
    assert.deepEqual(node?.named.picture, { value: picture });
    assert.deepEqual(node?.named.text, { value: inputs.text });
  }
});

test("what holds a workflow is opened, as a value or as its text", () => {
  for (const body of [
    { input: { workflow_json: api } },
    { input: { workflow_json: JSON.stringify(api), handler: "RawWorkflow" } },
    { input: { payload: { workflow: api } } },
    { prompt: JSON.stringify({ prompt: api }) },
    JSON.stringify(api),
    { ...api, extra_data: { client: "x" }, version: 1, note: null },
  ]) {
    assert.deepEqual(read(toBytes(body)).nodes[0]?.named, { unet_name: { value: "a.safetensors" } });
    assert.equal(read(toBytes(body)).unread.length, 0);
  }
  const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(JSON.stringify(api), "utf16le")]);
  assert.equal(read(wide).nodes[0]?.type, "UNETLoader");
});

test("a node that was missing where the workflow was exported is named, and the others are read", () => {
  const nameless = { inputs: { a: 1 }, _meta: { title: "Some Node" } };
  const { nodes, unread } = read(
    toBytes({ ...api, "5": nameless, "6": { class_type: "X", inputs: 3 }, "7": { _meta: 1 } }),
  );
  assert.deepEqual(
    nodes.map(({ id }) => id),
    ["1"],
  );
  assert.deepEqual(
    unread.map(({ id, type, title }) => [id, type, title]),
    [
      ["5", "a node", "Some Node"],
      ["6", "X", null],
      ["7", "a node", null],
    ],
  );
  assert.match(unread[0]?.problem ?? "", /^\("Some Node"\) has no class: /);
});

test("of an editor's file what cannot be read is left out and named", () => {
  const inner = {
    id: "sub",
    nodes: [
      { id: 4, type: null },
      { id: 5, type: "B" },
    ],
    links: [],
  };
  const { nodes, unread } = read(
    editorFile([{ id: 1, type: "A" }, { id: 2 }, 3 as never, { id: 6, type: "sub" }], [], {
      definitions: { subgraphs: [inner, { id: 3, nodes: "none" }, null] },
      extra: { groupNodes: 3, ue_links: [null, 5] },
    }),
  );
  assert.deepEqual(
    nodes.map(({ id }) => id),
    ["1", "6:5"],
  );
  assert.deepEqual(
    unread.map(({ id }) => id),
    ["2", "number 3", "6:4"],
  );
  assert.match(unread[0]?.problem ?? "", /cannot be read and is left out: its type is missing\./);
  assert.match(unread[2]?.problem ?? "", /its type has another form\./);
});

test("what only shows something never costs a workflow", () => {
  const odd = {
    title: 3,
    mode: "x",
    inputs: [null, { name: 3 }],
    outputs: 3,
    properties: { proxyWidgets: { a: 1 }, models: 3 },
    widgets_values: 3,
  };
  for (const [key, value] of Object.entries(odd)) {
    assert.equal(read(editorFile([{ id: 1, type: "A", [key]: value }])).nodes[0]?.type, "A", key);
  }
  const links = [null, [1], { id: 1 }, "x", [1, "2", "0", "1", "0", "*"]] as unknown[][];
  const file = { ...editorNode(1, "UNETLoader", { unet_name: "own" }), mode: "0" };
  const inputs = [{ name: "unet_name", widget: { name: "unet_name" }, link: "1" }];
  const bytes = editorFile([{ ...file, inputs }, editorNode(2, "PrimitiveNode", { value: "linked" })], links);
  assert.deepEqual(read(bytes).nodes[0]?.named.unet_name, { value: "linked" });
});

test("where what was sent cannot be read, what the editor saved is, and where both cannot, it says so", () => {
  const editor = editorFile([editorNode(1, "UNETLoader", { unet_name: "b.safetensors" })]).toString();
  assert.equal(read(png([text("prompt", "a cat"), text("workflow", editor)])).format, "editor");
  assert.equal(read(png([text("prompt", "{}"), text("workflow", editor)])).format, "editor");
  assert.throws(
    () => read(png([text("prompt", "a cat"), text("workflow", "a dog")])),
    /is neither JSON nor a file/,
  );
});

test("what the editor knew of a node goes to the same node that was sent, and to no other", () => {
  const models = [{ name: "a.safetensors", directory: "diffusion_models", url: "https://h/a" }];
  const editor = editorFile([
    editorNode(1, "UNETLoader", { unet_name: "b" }, { properties: { models, cnr_id: "comfy-core" } }),
    editorNode(2, "Other", {}, { properties: { cnr_id: "other" } }),
  ]).toString();
  const both = { ...api, "2": apiNode("Another", {}) };
  const { nodes } = read(png([text("workflow", editor), text("prompt", JSON.stringify(both))]));
  assert.deepEqual(
    nodes.map(({ pack, hints }) => [pack, hints.length]),
    [
      ["comfy-core", 1],
      [null, 0],
    ],
  );
  assert.deepEqual(nodes[0]?.named, { unet_name: { value: "a.safetensors" } });
});
