import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parsePythonLock } from "../../../../lib/locks/python-lock.ts";
import type { Compression } from "../../../../lib/registry/compression.ts";
import {
  context,
  keysOf,
  layersFolder,
  plan,
  sampleLayer,
  sampleRecipe,
  writeFile,
} from "../../../support/layers.ts";

/** system ← a ← b, and c beside them. */
const graph = [
  sampleLayer("system"),
  sampleLayer("a", ["system"]),
  sampleLayer("b", ["a"]),
  sampleLayer("c", ["system"]),
];
const dockerfiles = Object.fromEntries(graph.map(({ name }) => [`${name}/Dockerfile`, `FROM ${name}\n`]));

test("a plan lists parents before children and puts the product together from all layers in order", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const { stages, product } = plan(
    folder,
    sampleRecipe([graph[0], graph[2], graph[1], graph[3]].filter((x) => x !== undefined)),
  );
  assert.deepEqual(
    stages.map(({ name }) => name),
    ["system", "a", "b", "c"],
  );
  assert.deepEqual(product.parents, ["system", "b", "a", "c"]);
});

test("a changed file changes its stage, all descendants and the product, and nothing else", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const before = keysOf(plan(folder, sampleRecipe(graph)));
  writeFile(folder, "a/file", "new");
  const after = keysOf(plan(folder, sampleRecipe(graph)));
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  assert.deepEqual(changed, ["a", "b", "test"]);
});

test("what a bulk stage is built with is not in its key, what it is made from is", (t) => {
  const folder = layersFolder(t, { ...dockerfiles, "bulk/Dockerfile": "FROM a\n" });
  const withPin = (sha256: string) => {
    const bulk = sampleLayer("bulk", ["a"], { bulk: true, pins: () => ({ model: sha256 }) });
    return plan(folder, sampleRecipe([...graph, bulk]));
  };
  const before = withPin("1");
  assert.equal(before.stages.find(({ name }) => name === "bulk")?.bulk, true);
  assert.ok(before.product.parents.includes("bulk"));
  assert.match(before.product.settings.labels["strata.layers"] ?? "", /"bulk"/);
  const other = keysOf(withPin("2"));
  assert.notEqual(other.bulk, keysOf(before).bulk);
  assert.notEqual(other.test, keysOf(before).test);
  writeFile(folder, "a/file", "new");
  const after = keysOf(withPin("1"));
  assert.notEqual(after.a, keysOf(before).a);
  assert.equal(after.bulk, keysOf(before).bulk);
  writeFile(folder, "bulk/file", "new");
  assert.notEqual(keysOf(withPin("1")).bulk, after.bulk);
});

test("keys change exactly when an input changes", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const layersArbitrary = fc.record({
    args: fc.dictionary(fc.stringMatching(/^[A-Z]{1,6}$/), fc.string({ maxLength: 5 }), { maxKeys: 3 }),
    pins: fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.string({ maxLength: 5 }), { maxKeys: 3 }),
  });
  const keyOf = (inputs: { args: Record<string, string>; pins: Record<string, string> }) => {
    const only = sampleLayer("system", [], { args: () => inputs.args, pins: () => inputs.pins });
    return keysOf(plan(folder, sampleRecipe([only]))).system;
  };
  const sorted = (values: Record<string, string>) => Object.entries(values).sort();
  fc.assert(
    fc.property(layersArbitrary, layersArbitrary, (one, other) => {
      const same =
        JSON.stringify([sorted(one.args), sorted(one.pins)]) ===
        JSON.stringify([sorted(other.args), sorted(other.pins)]);
      assert.equal(keyOf(one) === keyOf(other), same);
    }),
  );
  fc.assert(
    fc.property(layersArbitrary, (inputs) => {
      const reversed = (values: Record<string, string>) =>
        Object.fromEntries(Object.entries(values).reverse());
      assert.equal(keyOf(inputs), keyOf({ args: reversed(inputs.args), pins: reversed(inputs.pins) }));
    }),
  );
});

test("in any graph, a changed stage changes exactly its descendants", (t) => {
  const names = ["l0", "l1", "l2", "l3", "l4", "l5"];
  const folder = layersFolder(t, Object.fromEntries(names.map((name) => [`${name}/Dockerfile`, "FROM x\n"])));
  const graphs = fc.tuple(
    // Parents only among earlier layers: any such graph has no cycle.
    ...names.map((_, index) => fc.subarray(names.slice(0, index))),
  );
  fc.assert(
    fc.property(graphs, fc.nat(names.length - 1), (parents, touched) => {
      const build = (value: string) =>
        keysOf(
          plan(
            folder,
            sampleRecipe(
              names.map((name, index) =>
                sampleLayer(name, parents[index], {
                  args: () => (index === touched ? { VALUE: value } : {}),
                }),
              ),
            ),
          ),
        );
      const [before, after] = [build("1"), build("2")];
      const descends = (index: number): boolean =>
        index === touched || (parents[index] ?? []).some((parent) => descends(names.indexOf(parent)));
      for (const [index, name] of names.entries()) {
        assert.equal(before[name] !== after[name], descends(index), name);
      }
    }),
    { numRuns: 40 },
  );
});

test("the executable bit is an input, the rest of a mode is not", (t) => {
  const folder = layersFolder(t, { ...dockerfiles, "a/script": "#!/bin/sh\n" });
  const key = () => keysOf(plan(folder, sampleRecipe(graph))).a;
  const plain = key();
  chmodSync(join(folder, "a/script"), 0o600);
  assert.equal(key(), plain);
  chmodSync(join(folder, "a/script"), 0o755);
  assert.notEqual(key(), plain);
});

test("what is not part of a build changes nothing", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const before = keysOf(plan(folder, sampleRecipe(graph)));
  writeFile(folder, "a/layer.ts", "export const a = 1;");
  writeFile(folder, "a/__pycache__/x.pyc", "x");
  assert.deepEqual(keysOf(plan(folder, sampleRecipe(graph))), before);
});

test("packages are inputs by name and version, and reach the build as a requirements file with hashes", (t) => {
  const hash = `sha256:${"1".repeat(64)}`;
  const lockOf = (version: string) => ({
    path: "locks/python/test.txt",
    distributions: parsePythonLock(
      `numpy==${version} \\\n    --hash=${hash}\n    # via torch\ntorch==2.0 \\\n    --hash=${hash}\n`,
      "test",
    ),
  });
  const folder = layersFolder(t, dockerfiles);
  const planned = sampleRecipe([
    sampleLayer("system"),
    sampleLayer("a", [], { python: () => ({ image: ["torch"] }) }),
  ]);
  const stage = plan(folder, planned, { lock: lockOf("1.0") }).stages[1];
  assert.match(stage?.inputs["package:numpy"] ?? "", /^1\.0 \([0-9a-f]{12}\)$/);
  assert.equal(
    stage?.files.find(({ path }) => path === "requirements.txt")?.content.toString(),
    `numpy==1.0 \\\n    --hash=${hash}\ntorch==2.0 \\\n    --hash=${hash}\n`,
  );
  const other = plan(folder, planned, { lock: lockOf("1.1") }).stages[1];
  assert.notEqual(other?.key, stage?.key);
});

test("folders whose names only begin alike are not in each other's way", (t) => {
  const folder = layersFolder(t, { "a/Dockerfile": "FROM x\n", "b/Dockerfile": "FROM x\n" });
  for (const [one, other] of [
    ["/opt/a", "/opt/ab"],
    ["/opt/ab", "/opt/a"],
  ] as const) {
    const recipe = sampleRecipe([
      sampleLayer("a", [], { owns: () => [one] }),
      sampleLayer("b", [], { owns: () => [other] }),
    ]);
    assert.equal(plan(folder, recipe).stages.length, 2);
  }
});

test("a cycle is named in full", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const cycle = sampleRecipe([sampleLayer("a", ["c"]), sampleLayer("b", ["a"]), sampleLayer("c", ["b"])]);
  assert.throws(() => plan(folder, cycle), /parents form a cycle: a → c → b → a/);
});

test("the product changes with its labels, its stages do not", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const one = keysOf(plan(folder, sampleRecipe(graph)));
  const other = keysOf(
    plan(folder, sampleRecipe(graph), { labels: { source: null, revision: null, created: "2020" } }),
  );
  assert.notEqual(one.test, other.test);
  assert.deepEqual({ ...one, test: "" }, { ...other, test: "" });
});

test("a label's text is taken as it is", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const nasty = { ...sampleRecipe(graph), summary: 'a "quoted" $HOME \\ end' };
  const { labels } = plan(folder, nasty, {}, context).product.settings;
  assert.equal(labels["org.opencontainers.image.description"], nasty.summary);
});

test("the cache's name follows a stage's own inputs, not its parents'", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const ownKeys = () => {
    const { stages } = plan(folder, sampleRecipe(graph));
    return Object.fromEntries(stages.map(({ name, cacheKey }) => [name, cacheKey]));
  };
  const before = ownKeys();
  writeFile(folder, "a/file", "new");
  const after = ownKeys();
  assert.deepEqual(
    Object.keys(after).filter((name) => after[name] !== before[name]),
    ["a"],
  );
});

test("another compression is another key, of all but models; the default is in the keys of what holds the base", (t) => {
  const folder = layersFolder(t, { ...dockerfiles, "m/Dockerfile": "FROM a\n" });
  const [, ...others] = graph;
  const system = sampleLayer("system", [], { role: "system" });
  const recipe = sampleRecipe([system, ...others, sampleLayer("m", [], { bulk: true })]);
  const stagesOf = (compression?: Compression) => {
    const { stages, product } = plan(folder, recipe, {}, { ...context, ...(compression && { compression }) });
    return { product, stages: Object.fromEntries(stages.map((stage) => [stage.name, stage])) };
  };
  const { product: usualProduct, stages: usual } = stagesOf();
  const { product, stages: gzip } = stagesOf({ kind: "gzip", level: 6 });
  const { product: product9, stages: gzip9 } = stagesOf({ kind: "gzip", level: 9 });
  for (const [name, { key, inputs, cacheKey }] of Object.entries(gzip)) {
    if (name === "m") {
      assert.equal(key, usual.m?.key);
      continue;
    }
    assert.equal(new Set([key, usual[name]?.key, gzip9[name]?.key]).size, 3, name);
    assert.equal(new Set([cacheKey, usual[name]?.cacheKey, gzip9[name]?.cacheKey]).size, 3, name);
    assert.equal(inputs["export:compression"], "gzip 6");
    assert.equal(
      usual[name]?.inputs["export:compression"],
      usual[name]?.role === "system" ? "zstd 3" : undefined,
    );
  }
  // The product has its stages' keys, and packs nothing but what no stage has as it is needed.
  assert.equal(new Set([product.key, product9.key, usualProduct.key]).size, 3);
  assert.deepEqual(product.compression, { kind: "gzip", level: 6 });
  assert.equal(product.settings.labels["strata.compression"], "gzip");
});

test("what seldom changes is packed at the builder's best, unless the stack says how: 3 counts for all then", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const layers = [
    sampleLayer("system", [], { role: "system" }),
    sampleLayer("a", [], { seldomChanges: true }),
    sampleLayer("b"),
  ];
  const stagesOf = (compression?: Compression) => {
    const { stages, product } = plan(
      folder,
      sampleRecipe(layers),
      {},
      { ...context, ...(compression && { compression }) },
    );
    const [, a, b] = stages;
    assert.ok(a && b);
    return { a, b, product };
  };
  const usual = stagesOf();
  assert.deepEqual(usual.a.compression, { kind: "zstd", level: 9 });
  assert.deepEqual(
    [usual.a, usual.b].map(({ inputs }) => inputs["export:compression"]),
    ["zstd 9", undefined],
  );
  assert.equal(usual.b.compression, undefined);
  assert.equal(usual.product.settings.labels["strata.compression"], undefined);
  // What another level packed of the same kind would be taken as it is; gzip is packed anew.
  assert.equal(usual.a.defaultCacheKey, undefined);
  const gzip = stagesOf({ kind: "gzip", level: 6 }).a;
  const three = stagesOf({ kind: "zstd", level: 3 });
  assert.equal(gzip.defaultCacheKey, three.a.cacheKey);
  assert.deepEqual([three.a.compression, three.a.inputs["export:compression"]], [undefined, undefined]);
  assert.notEqual(three.a.cacheKey, usual.a.cacheKey);
  assert.deepEqual([three.b.key, three.product.settings], [usual.b.key, usual.product.settings]);
});

test("a product bears the time of its label; no stage has it", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const { stages, product } = plan(folder, sampleRecipe(graph));
  assert.equal(product.settings.created, "2026-01-01T00:00:00Z");
  for (const { args } of stages) assert.equal(args.SOURCE_DATE_EPOCH, "315532800");
});

test("where steps are cached, the cache's name outlives every change, and belongs to the recipe", (t) => {
  const folder = layersFolder(t, dockerfiles);
  const keyOf = (name: string) => {
    const [stage] = plan(folder, {
      ...sampleRecipe([sampleLayer("a", [], { cachesSteps: true })]),
      name,
    }).stages;
    assert.ok(stage?.cachesSteps);
    return stage;
  };
  const before = keyOf("one");
  writeFile(folder, "a/file", "new");
  assert.notEqual(keyOf("one").key, before.key);
  assert.equal(keyOf("one").cacheKey, before.cacheKey);
  assert.notEqual(keyOf("other").cacheKey, before.cacheKey);
});
