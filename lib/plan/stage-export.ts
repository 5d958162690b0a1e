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
  /** The cache of the same stage in such a stack: its steps are the same. */
  readonly defaultCacheKey?: string;
}

/**
 * What a key gets of it: another digest may not lie under the same tag. By default only what holds the base has it, whose
 * layers were as the base has them before there was a choice; other stages keep their keys.
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
  return { compression, cacheKey: own, defaultCacheKey: cacheKey };
}
