import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CachePart,
  compilerCacheSetting,
  compilerCachesIn,
  fittingParts,
  hitLine,
  isTimeToMerge,
  liveParts,
  readCounters,
} from "../../../../lib/builders/compiler-cache.ts";
import { compilerCacheSeries, compilerCacheTag, seriesOfTag } from "../../../../lib/registry/tags.ts";

const part = (digest: string, day: number, more: Partial<CachePart> = {}): CachePart => ({
  digest,
  bytes: 10,
  madeAt: `2026-11-${String(day).padStart(2, "0")}T00:00:00.000Z`,
  replaces: [],
  ...more,
});
const names = (parts: readonly CachePart[]) => parts.map(({ digest }) => digest);

test("the registry is the only store, and nobody gets a cache without asking for one", () => {
  assert.deepEqual(compilerCacheSetting.parse({ kind: "registry" }), {
    kind: "registry",
    gigabytes: 4,
    write: true,
  });
  assert.throws(() => compilerCacheSetting.parse({ kind: "s3" }));
  assert.throws(() => compilerCacheSetting.parse({ kind: "registry", gigabytes: 0 }));
});

test("what a Dockerfile mounts for a compiler, each once; other caches are none", () => {
  const run = (id: string) =>
    `RUN --network=none --mount=type=cache,id=${id},target=/root/.cache/ccache sh\n`;
  const dockerfile = run("strata-ccache-dlib") + run("strata-ccache-dlib") + run("strata-models");
  assert.deepEqual(compilerCachesIn(dockerfile), ["strata-ccache-dlib"]);
});

test("a part that another one holds counts no more; two that hold the same both do; the newest comes first", () => {
  const parts = [
    part("a", 1),
    part("b", 2),
    part("late", 4),
    part("merged", 3, { replaces: ["a", "b"] }),
    part("merged too", 3, { replaces: ["a", "b"] }),
  ];
  assert.deepEqual(names(liveParts(parts)), ["late", "merged", "merged too"]);
});

test("of more than may lie there the newest are taken, and one is always", () => {
  assert.deepEqual(names(fittingParts([part("a", 3), part("b", 2), part("c", 1)], 20)), ["a", "b"]);
  assert.deepEqual(names(fittingParts([part("a", 3, { bytes: 90 }), part("b", 2)], 20)), ["a"]);
});

test("parts are put together before they are too many or too large", () => {
  const parts = (count: number) => Array.from({ length: count }, (_, index) => part(`p${index}`, 1));
  assert.equal(isTimeToMerge(parts(7), 10, 1_000), false);
  assert.equal(isTimeToMerge(parts(8), 10, 1_000), true);
  assert.equal(isTimeToMerge(parts(3), 10, 40), false);
  assert.equal(isTimeToMerge(parts(3), 11, 40), true);
});

test("ccache's counters become a line; a compiler that asked nothing has none", () => {
  const counters = readCounters(
    "cache_miss\t14\ndirect_cache_hit\t190\npreprocessed_cache_hit\t10\nmultiple_source_files\t3\nnew_files 28\nmalformed\n",
  );
  assert.equal(counters.get("new_files"), 28);
  assert.equal(hitLine(counters), "200 of 214 objects came out of the cache, 3 more cannot be kept");
  assert.equal(hitLine(readCounters("cache_miss\t1\n")), "0 of 1 objects came out of the cache");
  assert.equal(hitLine(readCounters("new_files 3\n")), undefined);
});

test("a part's tag tells its series; the tag of BuildKit's cache of a stage does not", () => {
  const series = compilerCacheSeries("strata-ccache-flash-attn", "debian-bookworm");
  const tag = compilerCacheTag(series, `sha256:${"0123456789ab".repeat(5)}0123`);
  assert.equal(tag, "cache-ccache-flash-attn-debian-bookworm-0123456789ab");
  assert.equal(seriesOfTag(tag), series);
  assert.equal(seriesOfTag(`cache-ccache-${"0".repeat(20)}`), undefined);
  assert.equal(seriesOfTag("cache-torch-0123456789abcdef0123"), undefined);
});
