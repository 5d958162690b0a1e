import {
  type CachePart,
  hitLine,
  isTimeToMerge,
  REPLACES_ANNOTATION,
  readCounters,
} from "../../lib/builders/compiler-cache.ts";
import { compilerCacheTag } from "../../lib/registry/tags.ts";
import { parseReference } from "../../oci/references.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import { type CacheStep, withCacheBuild } from "./cache-build.ts";

/** What becomes of what a builder's cache holds after a build. */
export interface TakeOptions {
  /** How the tags of parts begin. */
  readonly series: string;
  /** The parts that lie there, readable or not. */
  readonly there: readonly CachePart[];
  /** Bytes that may lie there. */
  readonly limit: number;
  /** Whether anything may be written. */
  readonly write: boolean;
}

/** What a build left in its cache. */
export interface Taken {
  /** What came out of the cache; undefined where no compiler has asked it. */
  readonly hits: string | undefined;
  /** The part that went to the registry. */
  readonly part?: { readonly tag: string; readonly files: number; readonly kilobytes: number };
}

/**
 * Sends what is new in the builder's cache to the registry, as a part beside the others: two builders never write the same tag, so
 * neither loses anything. Where many parts lie there, all that the cache holds goes as one, which replaces them.
 */
export async function takeCache(step: CacheStep, options: TakeOptions): Promise<Taken> {
  const added = await take(step, options, false);
  return added ?? (await take({ ...step, parts: [] }, options, true)) ?? { hits: undefined };
}

/** @returns nothing where it has to be the other way */
async function take(step: CacheStep, options: TakeOptions, merges: boolean): Promise<Taken | undefined> {
  const { series, there, limit, write } = options;
  const most = String(Math.floor(limit / 1024));
  return await withCacheBuild(step, "take.sh", [most], async (build) => {
    const counters = readCounters(await build.facts());
    const [files = 0, kilobytes = 0] = [counters.get("new_files"), counters.get("new_kilobytes")];
    const hits = hitLine(counters);
    if (files === 0 || !write) return { hits };
    if (!merges && isTimeToMerge(there, kilobytes * 1024, limit)) return undefined;
    const annotations = [
      `annotation.org.opencontainers.image.created=${new Date().toISOString()}`,
      ...(merges && there.length > 0
        ? [`annotation.${REPLACES_ANNOTATION}=${there.map(({ digest }) => digest).join(" ")}`]
        : []),
    ];
    // What ccache writes is packed already.
    const reference = await build.push({ packing: ["compression=uncompressed", ...annotations].join(",") });
    const tag = compilerCacheTag(series, parseReference(reference).digest ?? "");
    await tagManifest(reference, tag);
    return { hits, part: { tag, files, kilobytes } };
  });
}
