import { createHash } from "node:crypto";
import { z } from "zod";
import { throwAll, UserError } from "../../errors.ts";

/** One package of a distribution in the version that is locked. */
export interface AptPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** Below the archive's address; the same at its mirrors and in its snapshots. */
  readonly path: string;
  /** The locked packages that it depends on. */
  readonly needs: readonly string[];
  /** The date of the lock that took this version. @default the lock's own */
  readonly since?: string;
}

/** What a base image's distribution had at one time, as far as a layer asks for it: a whole that fits together. */
export interface AptLock {
  readonly suite: string;
  /** As the snapshot services write it, `20261130T000000Z`. */
  readonly date: string;
  /** What a base image that is made here consists of, with all that it needs. */
  readonly base: readonly string[];
  readonly packages: ReadonlyMap<string, AptPackage>;
}

/** Below the repository. */
export function aptLockPath(base: string): string {
  return `locks/apt/${base}.txt`;
}

const LINE = /^(\S+) (\S+) ([0-9a-f]{64}) (pool\/\S+\.deb)(?: @(\d{8}T\d{6}Z))?((?: \S+)*)$/;

/** Reads a lock. Throws all that is wrong with it. */
export function parseAptLock(text: string, path: string): AptLock {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const [suite = "", date = "", base = ""] = ["suite", "date", "base"].map((key) =>
    lines.find((line) => line.startsWith(`${key}: `))?.slice(key.length + 2),
  );
  const problems: string[] = [];
  if (!/^[a-z]+$/.test(suite) || !/^\d{8}T\d{6}Z$/.test(date)) problems.push("names no suite or date");
  const packages = new Map<string, AptPackage>();
  for (const line of lines.filter((each) => !/^(suite|date|base): /.test(each))) {
    const [, name, version, sha256, file, since, needs = ""] = LINE.exec(line) ?? [];
    if (!name || !version || !sha256 || !file)
      problems.push(`has a line without version, hash or path: ${line}`);
    else {
      const entry = { name, version, sha256, path: file, needs: needs.split(" ").filter(Boolean) };
      packages.set(name, { ...entry, ...(since && { since }) });
    }
  }
  for (const name of [
    ...base.split(" ").filter(Boolean),
    ...[...packages.values()].flatMap(({ needs }) => needs),
  ]) {
    if (!packages.has(name)) problems.push(`needs ${name}, which it does not have`);
  }
  throwAll(
    path,
    [...new Set(problems)].map(
      (problem) => new UserError(path, `${problem}.`, "Run `npm run lock -- packages`."),
    ),
  );
  return { suite, date, base: base.split(" ").filter(Boolean), packages };
}

/** The lock's text; the same lock has the same text. */
export function formatAptLock({ suite, date, base, packages }: AptLock): string {
  return [
    "# Packages of the distribution: name, version, sha256, path, what it needs. Made by `npm run lock -- packages`.",
    `suite: ${suite}`,
    `date: ${date}`,
    `base: ${[...base].sort().join(" ")}`,
    ...[...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(formatLine),
    "",
  ].join("\n");
}

function formatLine({ name, version, sha256, path, since, needs }: AptPackage): string {
  return [name, version, sha256, path, ...(since ? [`@${since}`] : []), ...[...needs].sort()].join(" ");
}

/**
 * A lock in which what has not moved keeps the date of the lock that took it: a build names the newest date of what it installs, so
 * what moves is no other layer's matter. Where nothing has, the date stays as it is.
 *
 * @param before the lock that this one replaces
 */
export function datedSince(before: AptLock | undefined, lock: AptLock): AptLock {
  const dated = [...lock.packages.values()].map((entry) => {
    const old = before?.packages.get(entry.name);
    const stays = old?.sha256 === entry.sha256 && old.path === entry.path && old.version === entry.version;
    return { ...entry, since: before && stays ? (old.since ?? before.date) : lock.date };
  });
  const date = newest(dated.map(({ since }) => since)) ?? lock.date;
  const packages = dated.map(
    ({ since, ...entry }) => [entry.name, since === date ? entry : { ...entry, since }] as const,
  );
  return { ...lock, date, packages: new Map(packages) };
}

function newest(dates: readonly string[]): string | undefined {
  return [...dates].sort().at(-1);
}

/** `names` with all that they need, sorted; and those of them that the lock does not have. */
export function lockedClosure(
  { packages }: AptLock,
  names: readonly string[],
): { readonly locked: readonly AptPackage[]; readonly unlocked: readonly string[] } {
  const found = new Map<string, AptPackage>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const entry = packages.get(name);
    if (!entry || found.has(name)) continue;
    found.set(name, entry);
    queue.push(...entry.needs);
  }
  return {
    locked: [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    unlocked: names.filter((name) => !packages.has(name)).sort(),
  };
}

/** Where a snapshot service has what was in a distribution's archives at a time. Hashes say whether it is right. */
export function snapshotAddresses({ suite, date }: Pick<AptLock, "suite" | "date">): string[] {
  if (ubuntuSuites.includes(suite)) return [`http://snapshot.ubuntu.com/ubuntu/${date}/`];
  return ["debian", "debian-security"].map(
    (archive) => `http://snapshot.debian.org/archive/${archive}/${date}/`,
  );
}

const ubuntuSuites = ["noble", "resolute"];

/** `<home>/packages.json`: by base, the committed lock that one which was made here goes by, and what replaces that. */
export const localPackagesSchema = z.record(
  z.string(),
  z.strictObject({ committed: z.string(), lock: z.string().optional() }),
);
export type LocalPackages = z.infer<typeof localPackagesSchema>;

/** Whether a record still speaks of this lock. */
export function lockTextHash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The packages of a base: as locked, unless that lock could not be had on this machine. */
export function aptLockOf(base: string, committed: string, local: LocalPackages): AptLock | undefined {
  const record = local[base];
  const replaced = record?.committed === lockTextHash(committed) ? record.lock : undefined;
  const text = replaced ?? committed;
  return text === "" ? undefined : parseAptLock(text, aptLockPath(base));
}

/**
 * What a build fetches, as fetch-packages.sh reads it: where from, then a package a line. All of these are in the snapshot of the
 * newest date among them.
 */
export function fetchList({ suite, date }: AptLock, entries: readonly AptPackage[]): string {
  const of = newest(entries.map(({ since }) => since ?? date)) ?? date;
  return [
    ...snapshotAddresses({ suite, date: of }).map((address) => `snapshot ${address}`),
    ...entries.map(({ name, version, sha256, path }) => `package ${name} ${version} ${sha256} ${path}`),
    "",
  ].join("\n");
}
