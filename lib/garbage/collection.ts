import { type Contents, meaningOf, type Root, type StoredItem } from "./contents.ts";

/** What is needed beside what the repository says itself. */
export interface NeededImages {
  /** Named by a stack's state, a plan, a history. */
  readonly roots: readonly Root[];
  /**
   * Tags that states name and plans want, with the reason: caches, and what an update built that did not come to its end. Of
   * compilers' caches what their tags begin with.
   */
  readonly namedTags: ReadonlyMap<string, string>;
  /** Without a need an item stays so long; nothing is too young at 0. */
  readonly days: number;
  readonly now: Date;
}

/** An item, why it stays, or that it goes. */
export interface Judged {
  readonly item: StoredItem;
  readonly tags: readonly string[];
  /** undefined: nothing needs it. */
  readonly needed: string | undefined;
}

/** What becomes of a repository. */
export interface Collection {
  readonly kept: readonly Judged[];
  /** In the order in which they can be removed: what is about others first, an index before its images. */
  readonly removed: readonly Judged[];
  readonly keptBytes: number;
  /** Of blobs that nothing kept names, and of the removed documents. */
  readonly freedBytes: number;
}

const DAY_MS = 86_400_000;

/**
 * Tells what of a repository is needed. From the roots on: the images of an index, what is about an image, what is about
 * that.
 */
export function collect(contents: Contents, needs: NeededImages): Collection {
  const tagsOf = Map.groupBy(contents.tags.keys(), (tag) => contents.tags.get(tag) ?? "");
  const reasons = new Map<string, string>();
  const follow = followed(contents);
  const spread = (roots: readonly Root[]) => {
    const open = roots.filter(({ digest }) => contents.items.has(digest));
    for (let next = open.shift(); next; next = open.shift()) {
      const { digest, reason } = next;
      if (reasons.has(digest) || !contents.items.has(digest)) continue;
      reasons.set(digest, reason);
      open.push(...follow(digest));
    }
  };
  spread([...needs.roots, ...tagRoots(contents, needs)]);
  // What has its own reason says so; only the rest is kept for its age.
  spread(youngRoots(contents, needs));
  const judged = [...contents.items.values()].map((item): Judged => {
    const tags = (tagsOf.get(item.digest) ?? []).sort();
    return { item, tags, needed: reasons.get(item.digest) };
  });
  const kept = judged.filter(({ needed }) => needed !== undefined);
  const removed = inOrder(judged.filter(({ needed }) => needed === undefined));
  const held = blobsOf(kept);
  const loose = [...blobsOf(removed)].filter(([digest]) => !held.has(digest));
  return {
    kept,
    removed,
    keptBytes: sum(held.values()) + sum(kept.map(({ item }) => item.bytes)),
    freedBytes: sum(loose.map(([, size]) => size)) + sum(removed.map(({ item }) => item.bytes)),
  };
}

/** What stays with a digest. */
function followed({ tags, items }: Contents): (digest: string) => Root[] {
  const all = [...items.values()];
  const about = Map.groupBy(
    all.filter(({ subject }) => subject !== undefined),
    ({ subject }) => subject ?? "",
  );
  const listed = new Map<string, string[]>();
  for (const [tag, digest] of tags) {
    const meaning = meaningOf(tag);
    if (meaning.kind === "about") push(listed, meaning.subject, digest);
  }
  return (digest) => {
    const name = digest.slice(0, 19);
    const root = (reason: string) => (each: string) => ({ digest: each, reason });
    return [
      ...(items.get(digest)?.children ?? []).map(root(`part of ${name}`)),
      ...(about.get(digest) ?? []).map((item) => item.digest).map(root(`about ${name}`)),
      ...(listed.get(digest) ?? []).map(root(`about ${name}`)),
    ];
  };
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const others = map.get(key);
  if (others) others.push(value);
  else map.set(key, [value]);
}

/** Tags that people use, and strata's that say that something is needed. */
function tagRoots({ tags, items }: Contents, { namedTags }: NeededImages): Root[] {
  // Of a compiler's cache counts what no other part holds.
  const replaced = new Set([...items.values()].flatMap(({ replaces = [] }) => replaces));
  return [...tags].flatMap(([tag, digest]) => {
    const meaning = meaningOf(tag);
    const { kind } = meaning;
    const planned = namedTags.get(kind === "compiler-cache" ? meaning.series : tag);
    if (planned !== undefined && !(kind === "compiler-cache" && replaced.has(digest)))
      return [{ digest, reason: planned }];
    if (kind === "user" || kind === "kept" || kind === "history") return [{ digest, reason: `tag ${tag}` }];
    return [];
  });
}

/** What nobody needs and is not old: another machine's update may be at it. What belongs to another item has no age of its own. */
function youngRoots({ tags, items }: Contents, { days, now }: NeededImages): Root[] {
  if (days === 0) return [];
  const named = new Map([...tags].map(([tag, digest]) => [digest, meaningOf(tag).kind]));
  const inLists = new Set([...items.values()].flatMap(({ children }) => children));
  const isOfAnother = ({ digest, subject }: StoredItem) => {
    const kind = named.get(digest);
    if (kind !== undefined) return kind === "about";
    return inLists.has(digest) || (subject !== undefined && items.has(subject));
  };
  return [...items.values()].flatMap((item) => {
    const { digest, storedAt } = item;
    if (isOfAnother(item)) return [];
    if (storedAt === undefined) return [{ digest, reason: "of unknown age" }];
    if (now.getTime() - storedAt.getTime() >= days * DAY_MS) return [];
    return [{ digest, reason: `younger than ${days} ${days === 1 ? "day" : "days"}` }];
  });
}

/** A registry may refuse to remove what another manifest names. */
function inOrder(removed: readonly Judged[]): Judged[] {
  const rank = ({ item, tags }: Judged) => {
    if (tags.some((tag) => meaningOf(tag).kind === "about")) return 0;
    if (item.subject !== undefined) return 1;
    return item.children.length > 0 ? 2 : 3;
  };
  return [...removed].sort((a, b) => rank(a) - rank(b));
}

function blobsOf(judged: readonly Judged[]): Map<string, number> {
  return new Map(judged.flatMap(({ item }) => [...item.blobs]));
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
