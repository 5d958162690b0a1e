import { type CachePart, readCounters } from "../../lib/builders/compiler-cache.ts";
import { type CacheStep, withCacheBuild } from "./cache-build.ts";

/** What a builder's cache was given. */
export interface Filled {
  /** The parts that the builder could read. */
  readonly parts: readonly CachePart[];
  /** Files that it had not. */
  readonly brought: number;
}

/** Brings the parts into the builder's own cache; one that cannot be read keeps the others from nothing. */
export async function fillCache(step: CacheStep): Promise<Filled> {
  try {
    return { parts: step.parts, brought: await bring(step) };
  } catch (error) {
    if (step.parts.length < 2) throw error;
  }
  const parts: CachePart[] = [];
  let brought = 0;
  for (const part of step.parts) {
    try {
      brought += await bring({ ...step, parts: [part] });
      parts.push(part);
    } catch {
      // Whoever asked sees which are missing.
    }
  }
  if (parts.length === 0) throw new Error(`none of ${step.parts.length} parts can be read`);
  return { parts, brought };
}

async function bring(step: CacheStep): Promise<number> {
  const facts = await withCacheBuild(step, "fill.sh", [], (build) => build.facts());
  return readCounters(facts).get("brought") ?? 0;
}
