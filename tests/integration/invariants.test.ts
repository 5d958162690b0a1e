/** The invariants of docs/invariants.md, on the real BuildKit, registry and Pulumi engine, with small layers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openLayer, readImage } from "../../oci/read/image.ts";
import { auditImage } from "../../tools/commands/audit/read-image.ts";
import { type Buildctl, buildHistories } from "../../tools/services/build-histories.ts";
import { recallServices } from "../../tools/services/record.ts";
import { setUp } from "../../tools/setup/setup.ts";
import { smallLayers } from "./support/small-layers.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

let stack: TestStack;
let first: StackUpdate;
before(async () => {
  stack = await openTestStack();
  first = await stack.up();
});
after(() => stack?.close());

const digests = ({ stages }: StackUpdate) =>
  Object.fromEntries(Object.entries(stages).map(([name, { digest }]) => [name, digest]));
const layersOf = async (reference: string) => (await readImage(reference)).layers.map(({ digest }) => digest);
const megabyte = 1_000_000;

test("invariant 2: the product's layers are the stage images' layers, digest for digest", async () => {
  const product = await layersOf(first.reference);
  const expected = await layersOf(`${stack.repository}@${first.stages.system?.digest}`);
  for (const name of ["c", "a", "b"]) {
    const layers = await layersOf(`${stack.repository}@${first.stages[name]?.digest}`);
    assert.equal(layers.length, 1, `the stage ${name} is one layer`);
    expected.push(...layers);
  }
  assert.deepEqual(product, expected);
});

test("invariant 1: no path is in two layers above the system image", async () => {
  const report = await auditImage(first.reference, { cache: stack.auditCache });
  assert.deepEqual(
    report.findings.filter(({ severity }) => severity === "broken"),
    [],
  );
});

test("invariant 6: what builds are given in secret is in no layer, configuration or history", async () => {
  const { config, layers } = await readImage(first.reference);
  assert.ok(layers.length > 3);
  assert.ok(!JSON.stringify(config).includes("planted-0f3a9c"));
  for (const layer of layers) {
    const chunks: Buffer[] = [];
    for await (const chunk of openLayer(first.reference, layer)) chunks.push(chunk);
    assert.ok(!Buffer.concat(chunks).includes("planted-0f3a9c"), layer.digest);
  }
  const { stdout } = await stack.pulumi("stack", "export");
  assert.ok(!stdout.includes("planted-0f3a9c"), "the state holds the certificates in clear");
});

test("sizes are those in the registry", async () => {
  const { bytes } = await readImage(`${stack.repository}@${first.stages.c?.digest}`);
  assert.equal(first.stages.c?.bytes, bytes);
  assert.ok(bytes > 11 * megabyte && bytes < 14 * megabyte, String(bytes));
});

test("invariant 4: a second update changes nothing", async () => {
  const second = await stack.up();
  assert.deepEqual(second.changed, {});
  assert.deepEqual(digests(second), digests(first));
});

test("a changed file rebuilds its stage, what depends on it and the product, and nothing else", async () => {
  stack.edit("b/value", "2\n");
  const update = await stack.up();
  assert.deepEqual(update.changed, { "small-b": "update", small: "update" });
  const changed = Object.keys(update.stages).filter((name) => digests(update)[name] !== digests(first)[name]);
  assert.deepEqual(changed.sort(), ["b", "product"]);
});

test("a stage that comes out equal stops the rebuild there: named contexts carry the digest alone", async () => {
  const known = digests(await stack.up());
  // The builder keeps a record of each step that ran: a step that runs again leaves another one.
  const runsOfB = async () =>
    (await stack.builderRecords())
      .filter(({ description }) => description.includes("srand(4)"))
      .map(({ id }) => id)
      .sort();
  const runs = await runsOfB();
  assert.ok(runs.length > 0, "b never ran");
  stack.edit("a/Dockerfile", `# a comment\n${smallLayers["a/Dockerfile"]}`);
  const update = await stack.up();
  assert.equal(update.changed["small-a"], "update");
  assert.deepEqual(digests(update), known);
  assert.deepEqual(await runsOfB(), runs, "b ran again");
});

test("on an empty builder a changed stage is built alone, the others are neither built nor downloaded", async () => {
  const known = await stack.up();
  await stack.emptyBuilder();
  stack.edit("b/value", "3\n");
  const update = await stack.up();
  assert.deepEqual(update.changed, { "small-b": "update", small: "update" });
  assert.equal(digests(update).c, digests(known).c);
  // What the builder holds comes from the system image, from a, which b is built from, and from b; nothing from c.
  const ofC = (await stack.builderRecords()).filter(
    ({ size, description }) =>
      size > megabyte &&
      (description.includes("from=c ") || description.includes(known.stages.c?.digest ?? "?")),
  );
  assert.deepEqual(ofC, []);
});

test("invariant 5: the same key gives the same digest on two empty builders", async () => {
  const known = digests(await stack.up());
  await stack.emptyBuilder();
  const other = stack.sibling("two");
  other.edit("b/value", readFileSync(stack.pathOf("b/value"), "utf8"));
  other.edit("a/Dockerfile", readFileSync(stack.pathOf("a/Dockerfile"), "utf8"));
  assert.deepEqual(digests(await other.up()), known);
});

test("a stage that fails fails the update, and the next one goes on from there", async () => {
  stack.edit("c/value", "2\n");
  stack.edit("b/Dockerfile", "FROM system\nRUN echo no luck today >&2 && exit 3\n");
  await assert.rejects(stack.up(), /exit code: 3/);
  stack.edit("b/Dockerfile", smallLayers["b/Dockerfile"] ?? "");
  const update = await stack.up();
  assert.ok(!("small-c" in update.changed) || update.changed["small-c"] === "update");
  assert.match(update.reference, /@sha256:/);
});

test("a builder at work is left alone by a run that wants other settings of it", async () => {
  const usual = readFileSync(stack.pathOf("c/Dockerfile"), "utf8");
  stack.edit("c/Dockerfile", usual.replace("AS build\n", "AS build\nRUN sleep 15\n"));
  const updating = stack.up();
  const { address } = (await recallServices(stack.home))?.builder ?? { address: "" };
  const buildctl: Buildctl = [join(stack.home.bin, "buildctl"), "--addr", address];
  while (!(await buildHistories(buildctl)).some(({ isRunning }) => isRunning)) await sleep(100);
  process.env.STRATA_BUILDER_GC_GB = "9";
  try {
    await assert.rejects(setUp(stack.home, "debian-bookworm", 1e9), /build of another run is in it/);
    assert.ok("small-c" in (await updating).changed);
    await setUp(stack.home, "debian-bookworm", 1e9);
  } finally {
    delete process.env.STRATA_BUILDER_GC_GB;
    stack.edit("c/Dockerfile", usual);
  }
});
