import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkflowNode } from "../../../../../lib/comfyui/workflow/workflow.ts";
import {
  editorFile,
  editorNode,
  innerLink,
  read,
  sink,
  workflowLink,
} from "../../../../support/workflows.ts";

type Json = Record<string, unknown>;
const name = { name: "file", widget: { name: "file" } };
/** A node whose only widget is linked, or not. */
const taking = (id: number, type: string, link: number | null, own = "own.pth"): Json => ({
  ...editorNode(id, type, { file: own }),
  inputs: [{ ...name, link }],
});
const nodeIn = (bytes: Buffer, id: string): WorkflowNode | undefined =>
  read(bytes).nodes.find((each) => each.id === id);
const fileOf = (bytes: Buffer, id: string) => nodeIn(bytes, id)?.named.file;

test("a constant hands on what it is given itself, else its own value, and nothing where it has none", () => {
  const through = (constant: Json, more: Json[] = [], links: unknown[][] = []) =>
    fileOf(editorFile([taking(1, "X", 1), constant, ...more], [workflowLink(1, 2, 1), ...links]), "1");
  const given = editorNode(3, "PrimitiveStringMultiline", { value: "given.pth" });
  const linked = taking(2, "PrimitiveString", 2);
  assert.deepEqual(through(linked, [given], [workflowLink(2, 3, 2)]), { value: "given.pth" });
  assert.deepEqual(through(linked), { value: "own.pth" }, "a link that is gone");
  assert.deepEqual(through({ ...linked, inputs: undefined }), { value: "own.pth" });
  assert.deepEqual(
    through(
      {
        ...linked,
        inputs: [
          { name: "x", link: 2 },
          { ...name, link: null },
        ],
      },
      [given],
      [workflowLink(2, 3, 2)],
    ),
    {
      value: "own.pth",
    },
  );
  // One that does not run makes nothing known.
  assert.deepEqual(through({ ...linked, mode: 4 }), { from: { id: "2", type: "PrimitiveString" } });
  assert.deepEqual(through({ ...linked, widgets_values: {} }), { value: undefined });
});

test("a reroute that gets nothing hands on nothing", () => {
  for (const inputs of [undefined, [], [{ name: "", link: null }]]) {
    for (const type of ["Reroute", "Reroute (rgthree)"]) {
      const reroute = { ...editorNode(2, type), inputs };
      const bytes = editorFile([taking(1, "X", 1), reroute], [workflowLink(1, 2, 1)]);
      assert.deepEqual(fileOf(bytes, "1"), { value: "own.pth" });
    }
  }
});

test("a link from nowhere leaves a node its own value", () => {
  assert.deepEqual(fileOf(editorFile([taking(1, "X", 1)], [workflowLink(1, 9, 1)]), "1"), {
    value: "own.pth",
  });
});

test("who uses a result is not known beyond a subgraph, a group node or its border", () => {
  const inner = {
    id: "sub",
    nodes: [editorNode(1, "A"), editorNode(2, "B")],
    links: [innerLink(1, 1, -20), innerLink(2, 2, 3)],
  };
  const usersIn = (target: Json, id = "1") =>
    nodeIn(
      editorFile([editorNode(1, "X"), target], [workflowLink(1, 1, 2), workflowLink(2, 7, 2)], {
        definitions: { subgraphs: [inner] },
      }),
      id,
    )?.users;
  assert.equal(usersIn(editorNode(2, "sub")), null);
  assert.equal(usersIn(editorNode(2, "workflow/G")), null);
  assert.equal(usersIn(editorNode(2, "sub"), "2:1"), null, "it leaves the subgraph");
  assert.deepEqual(usersIn(editorNode(2, "sub"), "2:2"), [], "nobody is there");
  assert.deepEqual(usersIn(sink(2)), ["2"]);
  assert.equal(usersIn(sink(2), "2"), null, "a node without results needs no user");
  assert.equal(usersIn(editorNode(2, "Y", {}, { outputs: undefined }), "2"), null);
});

/** A subgraph with three inputs: a socket, a widget and one that ends nowhere. */
const subgraph = (more: Json = {}) => ({
  id: "sub",
  nodes: [taking(1, "X", 11), editorNode(2, "Y", {}, { inputs: [{ name: "image", link: 10 }] })],
  links: [innerLink(10, -10, 2, [0, 0]), innerLink(11, -10, 1, [1, 0]), innerLink(12, 2, 1, [1, 5]), null],
  inputs: [{ name: "image" }, { name: "file" }, { name: "loose" }],
  ...more,
});
const inside = (instance: Json, more: Json = {}, nodes: Json[] = [], links: unknown[][] = []) =>
  fileOf(
    editorFile([{ ...editorNode(57, "sub"), ...instance }, ...nodes], links, {
      definitions: { subgraphs: [subgraph(more)] },
    }),
    "57:1",
  );

test("an instance has values for what its subgraph shows of widgets, and for nothing else", () => {
  assert.deepEqual(inside({ widgets_values: ["shown.pth"] }), { value: "shown.pth" });
  for (const widgets_values of [[], {}, undefined])
    assert.deepEqual(inside({ widgets_values }), { value: "own.pth" });
  assert.deepEqual(inside({ widgets_values: { file: "named.pth" } }), { value: "named.pth" });
  const unclear = inside({ widgets_values: ["a", "b"], title: "Mine" });
  assert.match(JSON.stringify(unclear), /depends on what the subgraph \\"Mine\\" \(node 57\) shows/);
  assert.deepEqual(inside({ widgets_values: ["shown.pth"] }, { inputs: undefined }), { value: "own.pth" });
  assert.deepEqual(inside({ widgets_values: ["shown.pth"], properties: { proxyWidgets: [] } }), {
    value: "shown.pth",
  });
  // It lists other widgets, so that its only value is not this one's.
  assert.deepEqual(inside({ widgets_values: ["b"], properties: { proxyWidgets: [["2", "x"]] } }), {
    value: "own.pth",
  });
});

test("a link into an instance counts before its own values, and before what it lists", () => {
  const inputs = [
    { name: "image", link: null },
    { ...name, link: 1 },
  ];
  const given = editorNode(9, "PrimitiveNode", { value: "linked.pth" });
  const linked = (more: Json) => inside({ inputs, ...more }, {}, [given], [workflowLink(1, 9, 57)]);
  assert.deepEqual(linked({ widgets_values: ["shown.pth"] }), { value: "linked.pth" });
  const properties = { proxyWidgets: [["1", "file"]] };
  assert.deepEqual(linked({ properties, widgets_values: ["listed.pth"] }), { value: "linked.pth" });
});

test("what an instance lists is its value for the widget of that node alone", () => {
  const properties = {
    proxyWidgets: [
      ["1", "file"],
      ["2", "file"],
    ],
  };
  const values = ["one.pth", "two.pth"];
  assert.deepEqual(inside({ properties, widgets_values: values }, { links: [] }), { value: "one.pth" });
  // Editors leave out what they do not save: from the end, or as null.
  assert.deepEqual(inside({ properties, widgets_values: ["one.pth"] }, { links: [] }), { value: "one.pth" });
  for (const widgets_values of [[], [null, "two.pth"], undefined, { length: 2 }])
    assert.deepEqual(inside({ properties, widgets_values }, { links: [] }), { value: "own.pth" });
});
