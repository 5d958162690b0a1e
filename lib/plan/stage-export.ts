import type { LayerRole } from "../recipe/layer.ts";
import { type Compression, compressionText, defaultCompression } from "../registry/compression.ts";
import { type StageInputs, stageKey } from "./key.ts";

/** How a stage's image leaves the builder, and where its build cache is. */
export interface StageExport {
  /**
   * The key without the parents: names the build cache. A parent that was rebuilt and came out equal leaves it as it
   * is, so the cache is found; another generation's variant has another one, so they do not overwrite each other.
   * Where steps are cached it is the recipe alone, so that the cache is found after a change too.
   */
  readonly cacheKey: string;
  /** How its layers are packed. @default as in every stack that says nothing */
  readonly compression?: Compression;
  /** The cache of the same stage where it is packed by default, in another way: its steps are the same, and are packed anew. */
  readonly defaultCacheKey?: string;
}

/**
 * What a key gets of it: another digest may not lie under the same tag. Packed as most are only what holds the base
 * has it, whose layers were as the base has them before there was a choice.
 */
export function exportInput(role: LayerRole, compression: Compression | undefined): StageInputs {
  if (!compression && (role === "stage" || role === "build")) return {};
  return { "export:compression": compressionText(compression ?? defaultCompression) };
}

/** @param cacheInputs what the cache is named by */
export function stageExport(
  name: string,
  cacheInputs: StageInputs,
  compression: Compression | undefined,
): StageExport {
  const cacheKey = stageKey(name, cacheInputs);
  if (!compression) return { cacheKey };
  const own = stageKey(name, { ...cacheInputs, compression: compressionText(compression) });
  // BuildKit takes a layer of the same kind as it is, whatever its level: it would be another digest than the key stands for.
  return compression.kind === defaultCompression.kind
    ? { compression, cacheKey: own }
    : { compression, cacheKey: own, defaultCacheKey: cacheKey };
}
