import { z } from "zod";

const build = z.strictObject({
  stage: z.string(),
  key: z.string(),
  recipe: z.string(),
  generation: z.string(),
  seconds: z.number().nonnegative(),
  /** Compressed, as pushed; null where nobody measured it. */
  bytes: z.int().nonnegative().nullable(),
  /** ISO time of its end. */
  at: z.iso.datetime(),
});

/** The builds of one clone, oldest first: what expectations rest on. */
export const historySchema = z.strictObject({ format: z.literal(1), builds: z.array(build) });

/** A stage that was really built; one that came out of a cache tells nothing about the next build. */
export type Build = z.infer<typeof build>;
export type History = z.infer<typeof historySchema>;

export const emptyHistory: History = { format: 1, builds: [] };

/** Builds that are kept of one stage in one recipe and generation: more would outvote what has changed since. */
const KEPT_BUILDS = 10;
/** Builds that are kept at all, so that the file stays small however many layers come and go. */
const MOST_BUILDS = 2_000;

/** The history with further builds, the oldest dropped where there are too many; the same build is kept once. */
export function remember(history: History, builds: readonly Build[]): History {
  const all = [...history.builds, ...builds].toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const unique = [...new Map(all.map((entry) => [JSON.stringify(entry), entry])).values()];
  const seen = new Map<string, number>();
  const kept = unique
    .toReversed()
    .filter(({ stage, recipe, generation }) => {
      const kind = JSON.stringify([stage, recipe, generation]);
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      return (seen.get(kind) ?? 0) <= KEPT_BUILDS;
    })
    .slice(0, MOST_BUILDS);
  return { format: 1, builds: kept.toReversed() };
}
