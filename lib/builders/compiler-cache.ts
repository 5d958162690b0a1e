import { z } from "zod";

/** `strata:compilerCache`: compilers' caches that builders share through the stack's registry. */
export const compilerCacheSetting = z.strictObject({
  kind: z.literal("registry"),
  /** What is kept of one stage, at most. */
  gigabytes: z.number().positive().max(100).default(4),
  /** Whether what is compiled goes back. */
  write: z.boolean().default(true),
});

/** What lies in the registry of one compiler's cache: what one builder had and nobody else. */
export interface CachePart {
  readonly digest: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly madeAt: string;
  /** Digests of the parts that it holds all of. */
  readonly replaces: readonly string[];
}

/** Each part is a layer and a mount of a build; more of them are put together to one. */
const MOST_PARTS = 8;

/** What a part says of those that it holds. */
export const REPLACES_ANNOTATION = "strata.compiler-cache.replaces";

/** Which caches of compilers a Dockerfile mounts, by the names that builders know them by. */
export function compilerCachesIn(dockerfile: string): string[] {
  const ids = [...dockerfile.matchAll(/--mount=type=cache,id=(strata-ccache-[\w.-]+),/g)];
  return [...new Set(ids.map(([, id = ""]) => id))];
}

/** The parts that no other one holds, the newest first. Two builders that put the same parts together leave both. */
export function liveParts(parts: readonly CachePart[]): CachePart[] {
  const replaced = new Set(parts.flatMap(({ replaces }) => replaces));
  return parts
    .filter(({ digest }) => !replaced.has(digest))
    .sort((a, b) => (a.madeAt < b.madeAt ? 1 : a.madeAt > b.madeAt ? -1 : a.digest < b.digest ? -1 : 1));
}

/** The newest parts that fit; the newest one always does. */
export function fittingParts(parts: readonly CachePart[], limit: number): CachePart[] {
  let sum = 0;
  return parts.filter(({ bytes }, index) => {
    sum += bytes;
    return index === 0 || (index < 2 * MOST_PARTS && sum <= limit);
  });
}

/** Whether what a builder holds should lie there as one part, in the place of those that are there. */
export function isTimeToMerge(parts: readonly CachePart[], newBytes: number, limit: number): boolean {
  return parts.length >= MOST_PARTS || parts.reduce((sum, { bytes }) => sum + bytes, newBytes) > limit;
}

/** Lines of a name and a number, as `ccache --print-stats` and the steps that read the cache write them. */
export function readCounters(text: string): ReadonlyMap<string, number> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, name, value] = /^(\w+)[\t ](\d+)$/.exec(line) ?? [];
      return name ? [[name, Number(value)] as const] : [];
    }),
  );
}

/** What came out of a cache, in a line; undefined where no compiler has asked it. */
export function hitLine(counters: ReadonlyMap<string, number>): string | undefined {
  const count = (...names: string[]) => names.reduce((sum, name) => sum + (counters.get(name) ?? 0), 0);
  const hits = count("direct_cache_hit", "preprocessed_cache_hit");
  const asked = hits + count("cache_miss");
  if (asked === 0) return undefined;
  const uncached = count(
    "could_not_use_precompiled_header",
    "multiple_source_files",
    "unsupported_compiler_option",
  );
  return `${hits} of ${asked} objects came out of the cache${uncached > 0 ? `, ${uncached} more cannot be kept` : ""}`;
}
