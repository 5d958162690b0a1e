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

const testRun = z.strictObject({
  recipe: z.string(),
  generation: z.string(),
  /** Of the host: `builder`, `aws`. */
  kind: z.string(),
  /** Type of the instance, where it was rented as one. */
  instance: z.string().nullable(),
  /** With boot, pull and teardown. */
  minutes: z.number().nonnegative(),
  /** ISO time of its end. */
  at: z.iso.datetime(),
});

/** The builds and smoke tests of one clone, oldest first: what expectations rest on. */
export const historySchema = z.strictObject({
  format: z.literal(1),
  builds: z.array(build),
  tests: z.array(testRun).optional(),
});

/** A stage that was really built; one that came out of a cache tells nothing about the next build. */
export type Build = z.infer<typeof build>;
/** A smoke test that said something about an image. */
export type TestRun = z.infer<typeof testRun>;
export type History = z.infer<typeof historySchema>;

export const emptyHistory: History = { format: 1, builds: [] };

/** Builds that are kept of one stage in one recipe and generation: more would outvote what has changed since. */
const KEPT_BUILDS = 10;
/** Builds that are kept at all, so that the file stays small however many layers come and go. */
const MOST_BUILDS = 2_000;

/** The history with further builds and tests, the oldest dropped where there are too many; the same one is kept once. */
export function remember(
  history: History,
  builds: readonly Build[],
  tests: readonly TestRun[] = [],
): History {
  const allTests = [...(history.tests ?? []), ...tests];
  const kinds = ({ recipe, generation, kind, instance }: TestRun) => [recipe, generation, kind, instance];
  return {
    format: 1,
    builds: newest([...history.builds, ...builds], ({ stage, recipe, generation }) => [
      stage,
      recipe,
      generation,
    ]),
    ...(allTests.length > 0 ? { tests: newest(allTests, kinds) } : {}),
  };
}

/** The newest ones of each kind, oldest first. */
function newest<T extends { readonly at: string }>(all: readonly T[], kindOf: (entry: T) => unknown[]): T[] {
  const sorted = all.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const unique = [...new Map(sorted.map((entry) => [JSON.stringify(entry), entry])).values()];
  const seen = new Map<string, number>();
  const kept = unique
    .toReversed()
    .filter((entry) => {
      const kind = JSON.stringify(kindOf(entry));
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      return (seen.get(kind) ?? 0) <= KEPT_BUILDS;
    })
    .slice(0, MOST_BUILDS);
  return kept.toReversed();
}
