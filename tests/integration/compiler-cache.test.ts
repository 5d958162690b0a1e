/** A compiler's cache that builders share: two real buildkitd, ccache and gcc, and what lies in the registry between them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { type Config, settingsSchema } from "../../config.ts";
import { builderSetting, stackBuilders } from "../../lib/builders/builder-setting.ts";
import type { CachePart } from "../../lib/builders/compiler-cache.ts";
import { collect } from "../../lib/garbage/collection.ts";
import { stageTag } from "../../lib/registry/tags.ts";
import { Transport } from "../../oci/access/transport.ts";
import { readImage } from "../../oci/read/image.ts";
import { listTags } from "../../oci/read/tag-list.ts";
import { parseReference } from "../../oci/references.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import type { CacheStep } from "../../tools/compiler-cache/cache-build.ts";
import { fillCache } from "../../tools/compiler-cache/fill.ts";
import { readParts } from "../../tools/compiler-cache/read-parts.ts";
import { takeCache } from "../../tools/compiler-cache/take.ts";
import { withCompilerCaches } from "../../tools/compiler-cache/with-compiler-caches.ts";
import { readContents } from "../../tools/garbage/read-contents.ts";
import { protocolInventory } from "../../tools/garbage/stored-images.ts";
import { rebuildStage } from "../../tools/reproduction/rebuild-stage.ts";
import { openWays } from "../../tools/ways/open-ways.ts";
import { makeAuthority } from "../support/certificates.ts";
import { type FarBuilder, startFarBuilder } from "./support/far-builder.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

const authority = makeAuthority();
const client = authority.pair("client");
const series = "cache-ccache-program-debian-bookworm";
let stack: TestStack;
let one: FarBuilder;
let two: FarBuilder;
before(async () => {
  stack = await openTestStack("compiled");
  const buildkitd = join(stack.home.bin, "buildkitd");
  [one, two] = await Promise.all([
    startFarBuilder(authority, "one", buildkitd),
    startFarBuilder(authority, "two", buildkitd),
  ]);
});
after(async () => {
  await Promise.all([stack?.close(), one?.stop(), two?.stop()]);
});

async function on(t: TestContext, { address }: FarBuilder, serverName: string) {
  const tls = { ca: authority.ca, ...client, serverName };
  const builder = builderSetting.parse({ kind: "remote", address, tls });
  const ways = await openWays(stack.home, stackBuilders({ builder, builders: {} }));
  t.after(() => ways.close());
  return { builder, environment: { ...stack.stack.environment, ...ways.environment } };
}

/** An update on that builder with a source as it is then, and what was said of the cache. */
async function update(
  t: TestContext,
  [far, name]: readonly [FarBuilder, string],
  { value = 1, compilerCache = { kind: "registry" } as object } = {},
): Promise<{ said: string; update: StackUpdate }> {
  const { builder, environment } = await on(t, far, name);
  const there = stack.with(environment);
  there.edit("program/two.c", `int two(void) { return ${value}; }\n`);
  const registry = { kind: "local", repository: stack.repository.split("/")[1] };
  const settings = settingsSchema.parse({ registry, compilerCache });
  const config = { ...settings, base: "debian-bookworm", builder } as unknown as Config;
  const said: string[] = [];
  const silenced = t.mock.method(process.stderr, "write", (text: string) => said.push(text) > 0);
  let result: StackUpdate | undefined;
  try {
    const planned = { plan: there.plan(), config };
    await withCompilerCaches({ home: stack.home, stack: there.stack, planned }, async () => {
      result = await there.up();
      return 0;
    });
  } finally {
    silenced.mock.restore();
  }
  assert.ok(result);
  return { said: said.filter((line) => line.startsWith("compiler cache")).join(""), update: result };
}

function stage(name: string) {
  const found = stack.plan().stages.find((each) => each.name === name);
  assert.ok(found);
  return found;
}

async function stepOn(
  t: TestContext,
  far: FarBuilder,
  name: string,
  parts: readonly CachePart[],
): Promise<CacheStep> {
  const { environment } = await on(t, far, name);
  const { digest } = await readImage(`${stack.repository}:${stageTag(stage("toolbox"))}`);
  return {
    home: stack.home,
    environment,
    builder: "strata",
    repository: stack.repository,
    mount: "strata-ccache-program",
    tools: `${stack.repository}@${digest}`,
    parts,
  };
}

const parts = () => readParts(stack.repository, series);

test("the first builder compiles all, and what it compiled goes to the registry", async (t) => {
  const { said } = await update(t, [one, "one"]);
  assert.match(said, /^compiler cache of program: is empty yet\n/);
  assert.match(
    said,
    /\ncompiler cache of program: 0 of 5 objects came out of the cache; 10 are new, [\d.]+ kB: kept as cache-ccache-program-debian-bookworm-[0-9a-f]{12}\n$/,
  );
  assert.equal((await parts()).length, 1);
});

test("a second builder compiles a changed source with hits; the layer is the one that is made without any cache", async (t) => {
  const { said, update: second } = await update(t, [two, "two"], { value: 22 });
  assert.match(said, /^compiler cache of program: 10 objects are new to strata, of 1 part with [\d.]+ kB\n/);
  assert.match(said, /\ncompiler cache of program: 4 of 5 objects came out of the cache; 2 are new, /);
  assert.equal((await parts()).length, 2);
  const images = { toolbox: `${stack.repository}@${second.stages.toolbox?.digest}` };
  const again = await rebuildStage(
    { home: stack.home, signal: new AbortController().signal } as Parameters<typeof rebuildStage>[0],
    { stage: stage("program"), images, certificates: undefined },
    () => {},
  );
  assert.equal(again, second.stages.program?.digest);
});

test("nothing to build: no builder is asked for anything", async (t) => {
  const { said } = await update(t, [two, "two"], { value: 22 });
  assert.equal(said, "");
});

test("a stack that may not write takes and gives nothing back", async (t) => {
  const compilerCache = { kind: "registry", write: false };
  const { said } = await update(t, [one, "one"], { value: 222, compilerCache });
  assert.match(said, /\ncompiler cache of program: 4 of 5 objects came out of the cache\n$/);
  assert.equal((await parts()).length, 2);
});

test("a part that is none is left out, and the others count; with none at all it is compiled, and said", async (t) => {
  const { digest: strange } = await readImage(`${stack.repository}:${stageTag(stage("toolbox"))}`);
  const tag = `${series}-${"f".repeat(12)}`;
  await tagManifest(`${stack.repository}@${strange}`, tag);
  const known = await parts();
  assert.equal(known.length, 3);
  const step = await stepOn(t, one, "one", known);
  const { parts: readable } = await fillCache(step);
  assert.equal(readable.length, 2);
  await assert.rejects(fillCache({ ...step, parts: known.filter((part) => !readable.includes(part)) }));
});

test("two builders that write at once lose nothing; many parts become one, which gc keeps alone", async (t) => {
  const before = await parts();
  const options = { series, there: [], limit: 1e9, write: true };
  const steps = await Promise.all([stepOn(t, one, "one", []), stepOn(t, two, "two", [])]);
  const written = await Promise.all(steps.map((step) => takeCache(step, options)));
  assert.equal(new Set(written.map(({ part }) => part?.tag)).size, 2);
  const now = await parts();
  assert.equal(now.length, before.length + 2);
  const [step] = steps;
  assert.ok(step);
  const there = Array.from({ length: 8 }, (_, index) => now[index % now.length]).flatMap(
    (part) => part ?? [],
  );
  const merged = await takeCache({ ...step, parts: [] }, { ...options, there });
  const left = await parts();
  assert.equal(left.length, 1);
  assert.ok(merged.part?.tag.endsWith(left[0]?.digest.slice(7, 19) ?? "none"));
  const target = parseReference(stack.repository);
  const transport = new Transport();
  const contents = await readContents(target, protocolInventory(transport), transport);
  const needs = { roots: [], namedTags: new Map([[series, "next update of one"]]), days: 0, now: new Date() };
  const kept = collect(contents, needs).kept.flatMap(({ tags }) => tags);
  assert.deepEqual(kept, [merged.part?.tag]);
  assert.ok((await listTags(target)).length > 5);
});
