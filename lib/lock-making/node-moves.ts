import type { NodeLock } from "../locks/node-lock.ts";

/** A repository whose commit is another than before. */
export interface NodeMove {
  readonly name: string;
  /** Short commits; empty for what is new or gone. */
  readonly old: string;
  readonly new: string;
  /** Shows what changed between them, where the host is known to. */
  readonly link: string;
}

/** What moved between two locks, sorted by name. */
export function nodeMoves(before: NodeLock, after: NodeLock): NodeMove[] {
  const [old, now] = [pins(before), pins(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .filter((name) => old.get(name)?.commit !== now.get(name)?.commit)
    .map((name) => ({
      name,
      old: old.get(name)?.commit.slice(0, 10) ?? "",
      new: now.get(name)?.commit.slice(0, 10) ?? "",
      link: compareLink(old.get(name), now.get(name)),
    }));
}

export interface Pin {
  readonly repository: string;
  readonly commit: string;
}

function pins({ repositories, packages }: NodeLock): Map<string, Pin> {
  return new Map<string, Pin>([...Object.entries(repositories), ...Object.entries(packages)]);
}

/** The page that shows what lies between two commits; empty where the host or one of them is not known. */
export function compareLink(old: Pin | undefined, now: Pin | undefined): string {
  if (!old || !now || old.repository !== now.repository || !/^https?:/.test(now.repository)) return "";
  // GitLab's own pages are below /-/; GitHub's form is Gitea's and Forgejo's too.
  const page = new URL(now.repository).hostname.includes("gitlab") ? "-/compare" : "compare";
  return `${now.repository.replace(/\.git$/, "")}/${page}/${old.commit.slice(0, 10)}...${now.commit.slice(0, 10)}`;
}

/** Everything that the lock warns of, one line each. */
export function nodeWarnings({ repositories }: NodeLock): string[] {
  return Object.entries(repositories).flatMap(([name, { warnings, pointers }]) => [
    ...warnings.map((warning) => `${name}: ${warning}`),
    ...(pointers.length > 0
      ? [`${name}: ${someOf(pointers)} only pointers of git LFS, without content`]
      : []),
  ]);
}

function someOf(paths: readonly string[]): string {
  const [first = "", ...others] = paths;
  return others.length > 0 ? `${first} and ${others.length} more are` : `${first} is`;
}
