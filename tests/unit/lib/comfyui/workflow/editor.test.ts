import assert from "node:assert/strict";
import { test } from "node:test";
import {
  editorFile,
  editorNode,
  innerLink,
  read,
  sink,
  workflowLink,
} from "../../../../support/workflows.ts";

const unet = (id: number, file: string, more = {}) =>
  editorNode(id, "UNETLoader", { unet_name: file, weight_dtype: "default" }, more);
const nameOf = (bytes: Buffer, id: string) => {
  const node = read(bytes).nodes.find((each) => each.id === id);
  const value = node?.named.unet_name;
  return value && ("value" in value ? value.value : "from" in value ? value.from : value.unclear);
};

test("muted and bypassed nodes do not run, nor what is inside of them; notes are no nodes at all", () => {
  const inside = { id: "sub", nodes: [unet(1, "inner.safetensors")], links: [], inputs: [], outputs: [] };
  const bytes = editorFile(
    [
      unet(1, "a.safetensors"),
      unet(2, "b.safetensors", { mode: 2 }),
      unet(3, "c.safetensors", { mode: 4 }),
      editorNode(4, "sub", {}, { mode: 4 }),
      editorNode(5, "sub"),
      editorNode(6, "MarkdownNote", { text: "d.safetensors" }),
    ],
    [],
    { definitions: { subgraphs: [inside] } },
  );
  const { nodes, inactive } = read(bytes);
  assert.deepEqual(
    nodes.map(({ id }) => id),
    ["1", "5:1"],
  );
  assert.equal(inactive, 3);
});

test("values are known by name where a node lists its widgets; what follows a seed is skipped", () => {
  const sampler = editorNode(1, "KSampler", { seed: 1, steps: 20, sampler_name: "euler" });
  const [first] = read(editorFile([{ ...sampler, widgets_values: [1, "randomize", 20, "euler"] }])).nodes;
  assert.deepEqual(first?.named, {
    seed: { value: 1 },
    steps: { value: 20 },
    sampler_name: { value: "euler" },
  });

  // An older editor lists only what was made into an input: nothing is known by name, all by place.
  const [older] = read(
    editorFile([{ ...sampler, widgets_values: [1, "fixed", 20, 8, "euler", "simple"] }]),
  ).nodes;
  assert.deepEqual(older?.named, {});
  assert.equal(older?.widgets?.length, 6);

  const [named] = read(
    editorFile([{ ...sampler, inputs: [], widgets_values: { format: "video/h264" } }]),
  ).nodes;
  assert.deepEqual(named?.named, { format: { value: "video/h264" } });
});

test("primitives and reroutes hand on a value; other nodes make it when they run", () => {
  const taking = (id: number, number: number) => ({
    ...unet(id, "stale.safetensors"),
    inputs: [{ name: "unet_name", widget: { name: "unet_name" }, link: number }],
  });
  const bytes = editorFile(
    [
      editorNode(1, "PrimitiveNode", { value: "given.safetensors" }),
      editorNode(2, "Reroute", {}, { inputs: [{ name: "", link: 1 }] }),
      taking(3, 2),
      editorNode(4, "PrimitiveString", { value: "text.safetensors" }),
      taking(5, 3),
      editorNode(6, "Random"),
      taking(7, 4),
      taking(8, 99),
    ],
    [workflowLink(1, 1, 2), workflowLink(2, 2, 3), workflowLink(3, 4, 5), workflowLink(4, 6, 7)],
  );
  assert.equal(nameOf(bytes, "3"), "given.safetensors");
  assert.equal(nameOf(bytes, "5"), "text.safetensors");
  assert.deepEqual(nameOf(bytes, "7"), { id: "6", type: "Random" });
  // A link that is gone: the node's own value counts again.
  assert.equal(nameOf(bytes, "8"), undefined);
});

/** A subgraph with two loaders whose names it shows as `high` and `low`, and a socket before them. */
const shown = {
  id: "sub",
  nodes: [
    {
      ...unet(1, "one.safetensors"),
      inputs: [{ name: "unet_name", widget: { name: "unet_name" }, link: 11 }],
    },
    {
      ...unet(2, "two.safetensors"),
      inputs: [{ name: "unet_name", widget: { name: "unet_name" }, link: 12 }],
    },
    editorNode(3, "ImagePass", {}, { inputs: [{ name: "image", link: 10 }] }),
  ],
  links: [innerLink(10, -10, 3, [0, 0]), innerLink(11, -10, 1, [1, 0]), innerLink(12, -10, 2, [2, 0])],
  inputs: [{ name: "image" }, { name: "high" }, { name: "low" }],
  outputs: [],
};
const around = (instance: object, nodes: object[] = [], links: unknown[][] = []) =>
  editorFile([{ ...editorNode(57, "sub"), ...instance }, ...(nodes as Record<string, unknown>[])], links, {
    definitions: { subgraphs: [shown] },
  });

test("an instance has its own values for the widgets that its subgraph shows", () => {
  const listed = around({ widgets_values: ["high.safetensors", "low.safetensors"] });
  assert.equal(nameOf(listed, "57:1"), "high.safetensors");
  assert.equal(nameOf(listed, "57:2"), "low.safetensors");
});

test("newer editors name the widgets; without values those inside count", () => {
  const proxyWidgets = [
    ["1", "unet_name"],
    ["2", "unet_name"],
  ];
  const changed = around({
    properties: { proxyWidgets },
    widgets_values: ["high.safetensors", "low.safetensors"],
  });
  assert.equal(nameOf(changed, "57:1"), "high.safetensors");
  assert.equal(nameOf(changed, "57:2"), "low.safetensors");
  const asMade = read(around({ properties: { proxyWidgets }, widgets_values: [] })).nodes;
  assert.deepEqual(asMade.find(({ id }) => id === "57:1")?.widgets, ["one.safetensors", "default"]);
});

test("where an instance has another number of values, nobody can tell which one is whose", () => {
  const odd = read(around({ widgets_values: ["x.safetensors", 1, 2] })).nodes.find(({ id }) => id === "57:1");
  const { unet_name: value } = odd?.named ?? {};
  assert.match(value && "unclear" in value ? value.unclear : "", /its values are not one for each input/);
  assert.deepEqual(odd?.widgets, ["one.safetensors", "default"]);
});

test("a link into an instance reaches the nodes inside", () => {
  const inputs = [{ name: "high", widget: { name: "high" }, link: 1 }];
  const primitive = editorNode(9, "PrimitiveNode", { value: "linked.safetensors" });
  assert.equal(
    nameOf(around({ inputs }, [primitive], [workflowLink(1, 9, 57)]), "57:1"),
    "linked.safetensors",
  );
});

test("a value is found through subgraphs in subgraphs", () => {
  const outer = {
    id: "outer",
    nodes: [{ ...editorNode(5, "sub"), inputs: [{ name: "high", widget: { name: "high" }, link: 20 }] }],
    links: [innerLink(20, -10, 5, [0, 0])],
    inputs: [{ name: "file" }],
    outputs: [],
  };
  const bytes = editorFile([{ ...editorNode(8, "outer"), widgets_values: ["deep.safetensors"] }], [], {
    definitions: { subgraphs: [shown, outer] },
  });
  assert.equal(nameOf(bytes, "8:5:1"), "deep.safetensors");
});

test("a widget that is shown through two subgraphs has the outermost value", () => {
  const outer = { id: "outer", nodes: [editorNode(5, "sub")], links: [], inputs: [], outputs: [] };
  const properties = { proxyWidgets: [["5", "high"]] };
  const bytes = editorFile(
    [{ ...editorNode(8, "outer"), properties, widgets_values: ["shown.safetensors"] }],
    [],
    {
      definitions: { subgraphs: [shown, outer] },
    },
  );
  assert.equal(nameOf(bytes, "8:5:1"), "shown.safetensors");
});

test("a subgraph that contains itself ends with an error", () => {
  const endless = { id: "sub", nodes: [editorNode(1, "sub")], links: [], inputs: [], outputs: [] };
  assert.throws(
    () => read(editorFile([editorNode(1, "sub")], [], { definitions: { subgraphs: [endless] } })),
    /flow\.json: has a subgraph that contains itself/,
  );
});

test("old group nodes hold the values of all their nodes in one list", () => {
  const groupNodes = {
    Loaders: {
      nodes: [
        { type: "UNETLoader", widgets_values: ["old.safetensors", "default"], inputs: [], outputs: [{}] },
        { type: "VAELoader", widgets_values: ["old.vae.safetensors"], inputs: [], outputs: [{}] },
      ],
      links: [],
    },
  };
  for (const type of ["workflow/Loaders", "workflow>Loaders"]) {
    const values = ["new.safetensors", "default", "new.vae.safetensors"];
    const group = (widgets: unknown[]) =>
      read(editorFile([{ ...editorNode(4, type), widgets_values: widgets }], [], { extra: { groupNodes } }));
    assert.deepEqual(
      group(values).nodes.map(({ id, widgets }) => [id, widgets]),
      [
        ["4:0", ["new.safetensors", "default"]],
        ["4:1", ["new.vae.safetensors"]],
      ],
    );
    // Which of four values belongs to which widget cannot be told.
    assert.deepEqual(
      group([...values, 1]).nodes.map(({ widgets }) => widgets),
      [[], []],
    );
  }
});

test("who uses a result is known, but where something without an id is in between", () => {
  const usersOf = (nodes: Record<string, unknown>[], links: unknown[][], more = {}) =>
    read(editorFile([unet(1, "a.safetensors"), ...nodes], links, more)).nodes[0]?.users;
  assert.deepEqual(usersOf([], []), []);
  assert.deepEqual(usersOf([sink(2)], [workflowLink(1, 1, 2)]), ["2"]);
  assert.deepEqual(
    usersOf([{ ...sink(2), mode: 2 }], [workflowLink(1, 1, 2)]),
    [],
    "a muted node uses nothing",
  );
  for (const type of ["Reroute", "SetNode"]) {
    assert.equal(usersOf([editorNode(2, type)], [workflowLink(1, 1, 2)]), null, type);
  }
  assert.equal(
    usersOf([editorNode(2, "ImagePass", {}, { mode: 4 })], [workflowLink(1, 1, 2)]),
    null,
    "bypassed",
  );
  assert.equal(usersOf([], [], { extra: { ue_links: [{ upstream: "1" }] } }), null, "shared without a link");
});

test("what the workflow says about models and where a class comes from is kept; other things there are not", () => {
  const sha256 = "A".repeat(64);
  const properties = {
    cnr_id: "comfy-core",
    models: [
      { name: "a.safetensors", directory: "vae", url: "https://h/a", hash: sha256, hash_type: "SHA256" },
      { name: "b.safetensors", directory: "vae", hash: "x", hash_type: "md5" },
      "something else",
    ],
  };
  const [node] = read(editorFile([unet(1, "a.safetensors", { properties })])).nodes;
  assert.equal(node?.pack, "comfy-core");
  assert.deepEqual(node?.hints, [
    { name: "a.safetensors", directory: "vae", url: "https://h/a", sha256: sha256.toLowerCase() },
    { name: "b.safetensors", directory: "vae", url: null, sha256: null },
  ]);
  const [other] = read(editorFile([unet(1, "a", { properties: { aux_id: "o/n", cnr_id: "n" } })])).nodes;
  assert.equal(other?.pack, "o/n");
});

test("what exists in the editor alone is no node", () => {
  const rgthree = [
    ...["Bookmark", "Fast Actions Button", "Fast Bypasser", "Fast Groups Bypasser", "Fast Groups Muter"],
    ...["Fast Muter", "Label", "Mute / Bypass Relay", "Mute / Bypass Repeater", "Node Collector"],
    ...["Random Unmuter", "Reroute"],
  ].map((name) => `${name} (rgthree)`);
  const types = ["Note", "MarkdownNote", "Reroute", "PrimitiveNode", "SetNode", "GetNode", ...rgthree];
  for (const type of types) {
    for (const mode of [0, 2]) {
      const { nodes, inactive } = read(editorFile([editorNode(1, type, {}, { mode })]));
      assert.deepEqual([nodes, inactive], [[], 0], type);
    }
  }
});

test("only what the editor shows after a seed is skipped, and only there", () => {
  const namedBy = (widgets: Record<string, unknown>, values: unknown[]) =>
    read(editorFile([{ ...editorNode(1, "X", widgets), widgets_values: values }])).nodes[0]?.named;
  for (const control of ["fixed", "increment", "decrement", "randomize"]) {
    assert.deepEqual(namedBy({ noise_seed: 1 }, [1, control]), { noise_seed: { value: 1 } }, control);
  }
  const mode = { steps: { value: 1 }, mode: { value: "fixed" } };
  assert.deepEqual(namedBy({ steps: 1, mode: "fixed" }, [1, "fixed"]), mode);
  const sampler = { seed: { value: 1 }, sampler: { value: "euler" } };
  assert.deepEqual(namedBy({ seed: 1, sampler: "euler" }, [1, "euler"]), sampler);
  assert.deepEqual(namedBy({ seed: 1, steps: 2 }, [1, 2]), { seed: { value: 1 }, steps: { value: 2 } });
});

test("a node without values of widgets has none, and its title is kept", () => {
  const [bare, titled] = read(
    editorFile([
      { ...unet(1, "a"), widgets_values: undefined },
      { ...unet(2, "a"), title: "Mine" },
    ]),
  ).nodes;
  assert.deepEqual([bare?.named, bare?.widgets, bare?.title], [{}, null, null]);
  assert.equal(titled?.title, "Mine");
});

test("a pack without a name is none, and a hash counts only where it is one of SHA-256", () => {
  const packOf = (cnr_id: unknown) =>
    read(editorFile([unet(1, "a", { properties: { cnr_id } })])).nodes[0]?.pack;
  assert.deepEqual([packOf(""), packOf(3), packOf("some-pack")], [null, null, "some-pack"]);
  const hashOf = (more: object) => {
    const models = [{ name: "a", directory: "vae", ...more }];
    return read(editorFile([unet(1, "a", { properties: { models } })])).nodes[0]?.hints[0]?.sha256;
  };
  const hash = "a".repeat(64);
  assert.equal(hashOf({ hash, hash_type: "sha256" }), hash);
  for (const other of [`${hash}a`, `x${hash}`, `${hash.slice(1)}g`, undefined])
    assert.equal(hashOf({ hash: other, hash_type: "SHA256" }), null, other);
  for (const hash_type of ["md5", undefined]) assert.equal(hashOf({ hash, hash_type }), null);
});

/** An instance of an old group node of a constant and a loader, with these links inside. */
const groupOf = (links: unknown[][] | undefined) => {
  const inputs = [{ name: "unet_name", widget: { name: "unet_name" }, link: 0 }];
  const nodes = [
    { type: "PrimitiveNode", widgets_values: ["own.safetensors"] },
    { type: "UNETLoader", widgets_values: ["stale.safetensors"], inputs },
  ];
  return editorFile([{ ...editorNode(4, "workflow>G"), widgets_values: ["given.safetensors", "x"] }], [], {
    extra: { groupNodes: { G: { nodes, links } } },
  });
};

test("links inside an old group node hand on its values; one without both slots is none", () => {
  assert.equal(nameOf(groupOf([[0, 0, 1, 0, "COMBO"]]), "4:1"), "given.safetensors");
  for (const links of [[[0, 0, 1, null]], [[0, null, 1, 0]], [[null, null, 1, 0]], [], undefined])
    assert.equal(nameOf(groupOf(links), "4:1"), "x");
});

test("a type that only looks like a group node stays a node", () => {
  const types = ["workflow/Gone", "my workflow/G", "workflow/"];
  const groupNodes = { G: { nodes: [{ type: "UNETLoader" }] } };
  const { nodes } = read(
    editorFile(
      types.map((type, id) => editorNode(id, type)),
      [],
      { extra: { groupNodes } },
    ),
  );
  assert.deepEqual(
    nodes.map(({ type }) => type),
    types,
  );
});

test("subgraphs may lie in each other thirty-two deep", () => {
  const chain = (depth: number) => {
    const subgraphs = Array.from({ length: depth }, (_, level) => ({
      id: `s${level}`,
      nodes: [level + 1 < depth ? editorNode(1, `s${level + 1}`) : unet(1, "a.safetensors")],
    }));
    return editorFile([editorNode(1, "s0")], [], { definitions: { subgraphs } });
  };
  assert.equal(read(chain(32)).nodes.length, 1);
  assert.throws(() => read(chain(33)), /contains itself/);
});
