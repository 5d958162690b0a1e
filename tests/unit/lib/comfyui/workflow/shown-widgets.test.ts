/** What instances of subgraphs show, in every form in which editors have written it: see lib/comfyui/workflow/shown-widgets.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editorFile, editorNode, innerLink, read, workflowLink } from "../../../../support/workflows.ts";

type Json = Record<string, unknown>;

/** How an instance tells its value: by place, by name, as its own (`-1`), or for a node inside. */
const forms = ["place", "named", "itself", "listed", "listed with its source", "listed as text"] as const;
interface Level {
  readonly form: (typeof forms)[number];
  /** Null where it shows the widget and has no value of its own. */
  readonly value: string | null;
}

const isLinked = ({ form }: Level) => !form.startsWith("listed");

/** A loader inside of subgraphs, the first level the outermost. */
function nested(levels: readonly Level[], own = "own.pth"): Buffer {
  const subgraphs = levels.map((level, place) => {
    const next = levels[place + 1];
    const link = isLinked(level) ? 10 : null;
    const node = next
      ? instance(next, place + 1, link)
      : withInput(editorNode(5, "Loader", { file: own }), link);
    return {
      id: `sub${place}`,
      nodes: [node],
      links: link === null ? [] : [innerLink(10, -10, 5, [0, 0])],
      inputs: link === null ? [] : [{ name: "file" }],
    };
  });
  const [outermost] = levels;
  return editorFile(outermost ? [instance(outermost, 0, null)] : [], [], { definitions: { subgraphs } });
}

const withInput = (node: Json, link: number | null): Json => ({
  ...node,
  inputs: [{ name: "file", widget: { name: "file" }, link }],
});

function instance({ form, value }: Level, place: number, link: number | null): Json {
  const node = withInput(editorNode(5, `sub${place}`), link);
  const values = value === null ? [] : [value];
  const shown = (list: unknown) => ({ ...node, properties: { proxyWidgets: list }, widgets_values: values });
  switch (form) {
    case "place":
      return { ...node, widgets_values: values };
    case "named":
      return { ...node, widgets_values: value === null ? {} : { file: value } };
    case "itself":
      return shown([["-1", "file"]]);
    case "listed":
      return shown([["5", "file"]]);
    case "listed with its source":
      return shown([["5", "5: file", "5"]]);
    case "listed as text":
      return shown(JSON.stringify([["5", "file"]]));
  }
}

const fileOf = (bytes: Buffer) => read(bytes).nodes.at(-1)?.named.file;

test("the value of the outermost instance that has one counts, however any of them says it", () => {
  const level = fc.record({
    form: fc.constantFrom(...forms),
    value: fc.option(fc.stringMatching(/^[a-z]{1,5}\.pth$/)),
  });
  fc.assert(
    fc.property(fc.array(level, { minLength: 1, maxLength: 4 }), (any) => {
      // What is only listed has no input: an editor cannot link to it from further out.
      const levels = any.toSorted((a, b) => Number(isLinked(a)) - Number(isLinked(b)));
      const expected = levels.find(({ value }) => value !== null)?.value ?? "own.pth";
      assert.deepEqual(fileOf(nested(levels)), { value: expected });
    }),
    { numRuns: 500 },
  );
});

const two = (properties: Json, values: unknown, more: Json = {}) =>
  read(
    editorFile([{ ...editorNode(9, "sub"), properties, widgets_values: values }], [], {
      definitions: {
        subgraphs: [
          {
            id: "sub",
            nodes: [editorNode(1, "A", { file: "a" }), editorNode(2, "B", { file: "b" })],
            links: [],
            ...more,
          },
        ],
      },
    }),
  ).nodes.map(({ named }) => named.file && "value" in named.file && named.file.value);

test("an entry that is not understood keeps its place, so that the others keep their values", () => {
  const list = [null, ["1", "file"], ["$$preview"], [{}, 3], ["2", "file", null, 4]];
  assert.deepEqual(two({ proxyWidgets: list }, ["x", "one", "y", "z", "two"]), ["one", "two"]);
  for (const proxyWidgets of ["no list", 3, { a: 1 }, "[", null])
    assert.deepEqual(two({ proxyWidgets }, ["one"]), ["a", "b"], JSON.stringify(proxyWidgets));
});

test("of two widgets of one name behind an instance, each has the value of its own source", () => {
  const inner = {
    id: "inner",
    nodes: [editorNode(1, "A", { file: "a" }), editorNode(2, "B", { file: "b" })],
    links: [],
  };
  const shown = {
    proxyWidgets: [
      ["1", "file"],
      ["2", "file"],
    ],
  };
  const middle = {
    id: "middle",
    nodes: [{ ...editorNode(4, "inner"), properties: shown, widgets_values: [] }],
    links: [],
  };
  const outer = {
    proxyWidgets: [
      ["4", "file", "1"],
      ["4", "file", "2"],
    ],
  };
  const { nodes } = read(
    editorFile([{ ...editorNode(7, "middle"), properties: outer, widgets_values: ["one", "two"] }], [], {
      definitions: { subgraphs: [inner, middle] },
    }),
  );
  assert.deepEqual(
    nodes.map(({ named }) => named.file),
    [{ value: "one" }, { value: "two" }],
  );
});

test("of two widgets of one name, one that an instance around names is not taken for the other's", () => {
  const inner = {
    id: "inner",
    nodes: [editorNode(1, "A", { file: "a" }), editorNode(2, "B", { file: "b" })],
    links: [],
  };
  // Each instance has the id of the first node inside.
  const holding = (id: string, type: string, proxyWidgets: string[][], values: string[]) => ({
    id,
    nodes: [{ ...editorNode(1, type), properties: { proxyWidgets }, widgets_values: values }],
    links: [],
  });
  const middle = holding(
    "middle",
    "inner",
    [
      ["1", "file"],
      ["2", "file"],
    ],
    [],
  );
  const sources = [
    ["1", "file", "1"],
    ["1", "file", "2"],
  ];
  const outer = holding("outer", "middle", sources, ["first", "second"]);
  const [around] = holding("around", "outer", sources.slice(0, 1), ["one"]).nodes;
  const { nodes } = read(
    editorFile(around ? [around] : [], [], { definitions: { subgraphs: [inner, middle, outer] } }),
  );
  assert.deepEqual(
    nodes.map(({ named }) => named.file),
    [{ value: "one" }, { value: "second" }],
  );
});

test("an input is not given what an instance around has for another input of the name of its widget", () => {
  const loader = (id: number, name: string, link: number) => ({
    ...editorNode(id, "Loader", { [name]: `own ${id}` }),
    inputs: [{ name, widget: { name }, link }],
  });
  const inner = {
    id: "inner",
    nodes: [loader(1, "path", 1), loader(2, "file", 2)],
    links: [innerLink(1, -10, 1, [0, 0]), innerLink(2, -10, 2, [1, 0])],
    inputs: [{ name: "file" }, { name: "file_1" }],
  };
  const instance = { ...editorNode(5, "inner"), widgets_values: ["first", "second"] };
  const outer = { id: "outer", nodes: [instance], links: [] };
  const around = {
    ...editorNode(7, "outer"),
    properties: { proxyWidgets: [["5", "file"]] },
    widgets_values: ["one"],
  };
  const { nodes } = read(editorFile([around], [], { definitions: { subgraphs: [inner, outer] } }));
  assert.deepEqual(
    nodes.map(({ named }) => named.path ?? named.file),
    [{ value: "one" }, { value: "second" }],
  );
});

test("an input counts among those with values wherever any of its links ends at a widget, and a seed may have two", () => {
  const inner = {
    id: "sub",
    nodes: [
      { ...editorNode(1, "A", { seed: 1 }), inputs: [{ name: "seed", widget: { name: "seed" }, link: 1 }] },
      {
        ...editorNode(2, "B", { file: "b" }),
        inputs: [{ name: "socket" }, { name: "file", widget: { name: "file" }, link: 3 }],
      },
    ],
    links: [innerLink(1, -10, 1), innerLink(2, -10, 2, [1, 0]), innerLink(3, -10, 2, [1, 1])],
    inputs: [{ name: "seed" }, { name: "file" }],
  };
  const at = (widgets_values: unknown[]) =>
    read(
      editorFile([{ ...editorNode(9, "sub"), widgets_values }], [], { definitions: { subgraphs: [inner] } }),
    ).nodes[1]?.named.file;
  assert.deepEqual(at([5, "shown"]), { value: "shown" });
  assert.deepEqual(at([5, "randomize", "shown"]), { value: "shown" });
  assert.ok("unclear" in (at([5, "other", "shown"]) ?? {}));
});

test("what is kept under a name is found by it, here or further out, and a circle has an end", () => {
  for (const [set, get] of [
    ["SetNode", "GetNode"],
    ["easy setNode", "easy getNode"],
  ] as const) {
    const setter = { ...editorNode(2, set, { name: "x" }), inputs: [{ name: "*", link: 1 }] };
    const getter = (id: number) => editorNode(id, get, { name: "x" });
    const taking = (id: number, link: number) => withInput(editorNode(id, "Loader", { file: "own" }), link);
    const inner = { id: "sub", nodes: [getter(3), taking(5, 7)], links: [innerLink(7, 3, 5)] };
    const nodes = [
      editorNode(1, "PrimitiveNode", { value: "kept" }),
      setter,
      getter(3),
      taking(4, 2),
      editorNode(6, "sub"),
    ];
    const links = [workflowLink(1, 1, 2), workflowLink(2, 3, 4)];
    const { nodes: found } = read(editorFile(nodes, links, { definitions: { subgraphs: [inner] } }));
    assert.deepEqual(
      found.map(({ named }) => named.file),
      [{ value: "kept" }, { value: "kept" }],
      set,
    );
    const circle = [workflowLink(1, 3, 2), workflowLink(2, 3, 4)];
    assert.ok(fileOf(editorFile(nodes.slice(1, 4), circle)));
  }
});
