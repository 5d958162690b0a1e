import { z } from "zod";
import { throwAll, UserError } from "../../errors.ts";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "expected sha256: and 64 hexadecimal digits");

const entry = z.strictObject({
  /** Where the tag points since then. */
  digest,
  at: z.iso.datetime(),
  /** `elsewhere`: somebody else had moved the tag there, which was noticed at this time. */
  kind: z.enum(["promotion", "rollback", "elsewhere"]),
  /** Where it pointed before; null for a new tag. */
  from: digest.nullable(),
  /** The artifact with the evidence; null where nobody knows of any. */
  evidence: digest.nullable(),
});

const historySchema = z.strictObject({ schema: z.literal(1), tag: z.string(), entries: z.array(entry) });

/** A tag that moved. */
export type PromotionEntry = z.infer<typeof entry>;
/** Where a tag has pointed, oldest first. */
export type Promotions = z.infer<typeof historySchema>;

/** The artifact that lies under the tag `promotions-<tag>`. */
export const promotionsType = "application/vnd.strata.promotions.v1+json";

/** As many are kept; a tag that moves each hour has three months of history then. */
const MOST = 2000;

/**
 * Reads a stored history.
 *
 * @param path where it came from, for errors
 * @throws UserError with every problem
 */
export function parsePromotions(text: string, path: string): Promotions {
  const remedy = "Use the version of strata that wrote it, or remove that tag to begin anew.";
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new UserError(path, "is no history of promotions.", remedy);
  }
  const parsed = historySchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throwAll(
    path,
    parsed.error.issues.map(
      (issue) => new UserError(`${path}: ${issue.path.join(".")}`, `${issue.message}.`, remedy),
    ),
  );
  throw new UserError(path, "is no history of promotions.", remedy);
}

/** What is to be done to a tag. */
export interface TagMove {
  /** Whether the tag has to be moved. */
  readonly moves: boolean;
  /** What has to be written down; empty when the history says it all. */
  readonly entries: readonly PromotionEntry[];
  /** The digest to which somebody else had moved the tag. */
  readonly elsewhere?: string;
  /** The tag was rolled back from this very digest since its last promotion, and a promotion does not undo that. */
  readonly held?: boolean;
}

/** What a promotion or rollback asks for. */
export type TagRequest = Pick<PromotionEntry, "digest" | "at" | "evidence"> & {
  readonly kind: "promotion" | "rollback";
};

/**
 * What to do so that a tag points at a digest.
 *
 * @param current where it points; undefined for a tag that is not there
 */
export function planTagMove(history: Promotions, current: string | undefined, wish: TagRequest): TagMove {
  const last = history.entries.at(-1);
  const { digest: target, at } = wish;
  const isRecorded = current === undefined || current === last?.digest;
  // A tag that is there already, and of which nothing was written down: a run ended between the two.
  const unwritten = current === target && !isRecorded;
  const elsewhere = isRecorded || unwritten ? undefined : current;
  const noticed: PromotionEntry[] = elsewhere
    ? [{ digest: elsewhere, at, kind: "elsewhere", from: last?.digest ?? null, evidence: null }]
    : [];
  if (wish.kind === "promotion" && !elsewhere && rolledBackFrom(history).has(target)) {
    return { moves: false, entries: [], held: true };
  }
  if (current === target && isRecorded) return { moves: false, entries: [] };
  const from = unwritten ? (last?.digest ?? null) : (current ?? null);
  return {
    moves: current !== target,
    entries: [...noticed, { ...wish, from }],
    ...(elsewhere && { elsewhere }),
  };
}

/** What rollbacks have left since the last promotion. A rollback forward forgives where it goes, and blames nothing. */
function rolledBackFrom({ entries }: Promotions): ReadonlySet<string> {
  const left = new Set<string>();
  for (const { kind, digest: target, from } of entries) {
    if (kind === "promotion") left.clear();
    if (kind === "rollback" && !left.delete(target) && from !== null) left.add(from);
  }
  return left;
}

/** The history with what happened since; the oldest entries make room. */
export function withEntries(history: Promotions, entries: readonly PromotionEntry[]): Promotions {
  return { ...history, entries: [...history.entries, ...entries].slice(-MOST) };
}

const isSame = (a: PromotionEntry, b: PromotionEntry) =>
  a.at === b.at && a.kind === b.kind && a.digest === b.digest && a.from === b.from;

/** Whether a history has these entries, and ends where the tag is, if any entry since `base` says how it came there. */
export function hasEntries(
  history: Promotions,
  base: Promotions,
  entries: readonly PromotionEntry[],
  current: string | undefined,
): boolean {
  if (!entries.every((entry) => history.entries.some((each) => isSame(each, entry)))) return false;
  const last = history.entries.at(-1);
  return last?.digest === current || !since(history, base).some(({ digest: each }) => each === current);
}

/**
 * A history that others wrote meanwhile, with what it lacks. Of those who moved the tag since `base` the one whose digest
 * it has was the last.
 */
export function mergeEntries(
  history: Promotions,
  base: Promotions,
  entries: readonly PromotionEntry[],
  current: string | undefined,
): Promotions {
  const absent = entries.filter((entry) => !history.entries.some((each) => isSame(each, entry)));
  const recent = [...since(history, base), ...absent];
  const last = recent.findLast(({ digest: each }) => each === current);
  const former = history.entries.filter((entry) => !recent.includes(entry));
  return withEntries({ ...history, entries: former }, [
    ...recent.filter((entry) => entry !== last),
    ...(last ? [last] : []),
  ]);
}

/** What a history has that another one has not. */
function since(history: Promotions, base: Promotions): PromotionEntry[] {
  return history.entries.filter((entry) => !base.entries.some((each) => isSame(each, entry)));
}

/** The promotion of a digest by a part of it, for people who type; throws where it is none, or several. */
export function promotionOf(history: Promotions, digestStart: string): PromotionEntry {
  const prefix = digestStart.startsWith("sha256:") ? digestStart : `sha256:${digestStart}`;
  const matches = history.entries.filter(
    ({ digest: each, kind }) => kind !== "elsewhere" && each.startsWith(prefix),
  );
  const digests = [...new Set(matches.map((each) => each.digest))];
  const newest = matches.at(-1);
  if (digests.length === 1 && newest && prefix.length > "sha256:".length) return newest;
  throw new UserError(
    digestStart,
    digests.length > 1
      ? `is the beginning of ${digests.length} digests.`
      : `was never promoted to ${history.tag}.`,
    `List them: npm run rollback -- ${history.tag}`,
  );
}
