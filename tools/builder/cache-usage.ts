import { z } from "zod";
import { attempt } from "../program/exec.ts";
import type { Buildctl } from "../services/build-histories.ts";

/** What a builder holds, as `buildctl du` prints it; BuildKit 0.31.1, client.UsageInfo. */
const usageSchema = z.array(
  z.object({
    id: z.string(),
    inUse: z.boolean(),
    size: z.number(),
    createdAt: z.string(),
    lastUsedAt: z.string().nullish(),
    parents: z.array(z.string()).nullish(),
  }),
);
export type CacheUsage = z.infer<typeof usageSchema>;

const DAY_MS = 86_400_000;

/** @throws Error where the builder says nothing */
export async function cacheUsage([program, ...words]: Buildctl): Promise<CacheUsage> {
  const { stdout, all } = await attempt(program, [...words, "du", "--format", "{{json .}}"]);
  // An answer counts even if the program fails after it (buildctl.ts).
  if (stdout === "") throw new Error(`the builder says nothing of what it holds: ${all}`);
  return usageSchema.parse(JSON.parse(stdout) ?? []);
}

/** What no build has used for so many days, and nothing that was used since is built on. */
export function unusedFor(usage: CacheUsage, days: number, now: Date): CacheUsage {
  const limit = now.getTime() - days * DAY_MS;
  const byId = new Map(usage.map((record) => [record.id, record]));
  const used = new Set<string>();
  const keep = (id: string) => {
    if (used.has(id)) return;
    used.add(id);
    for (const parent of byId.get(id)?.parents ?? []) keep(parent);
  };
  for (const { id, inUse, createdAt, lastUsedAt } of usage) {
    if (inUse || Date.parse(lastUsedAt ?? createdAt) > limit) keep(id);
  }
  return usage.filter(({ id }) => !used.has(id));
}

/** Removes what `unusedFor` tells, as far as the builder lets it go. @returns bytes that it holds less */
export async function pruneUnused(buildctl: Buildctl, days: number): Promise<number> {
  const [program, ...words] = buildctl;
  const before = bytesOf(await cacheUsage(buildctl));
  await attempt(program, [...words, "prune", "--all", "--keep-duration", `${days * 24}h`]);
  return before - bytesOf(await cacheUsage(buildctl));
}

export function bytesOf(usage: CacheUsage): number {
  return usage.reduce((sum, { size }) => sum + size, 0);
}
