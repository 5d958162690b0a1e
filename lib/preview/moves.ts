import { compareLink } from "../lock-making/node-moves.ts";
import type { NodeLock } from "../locks/node-lock.ts";
import type { KeyedStage } from "../plan/stage-changes.ts";
import type { LinkedVersionMove, VersionMove } from "./preview-schema.ts";
import { short } from "./words.ts";

/** Where a commit is from, by the locks that are at hand. */
export type CommitIndex = ReadonlyMap<string, { readonly name: string; readonly repository: string }>;

/** Every commit of these locks. */
export function indexCommits(locks: readonly NodeLock[]): CommitIndex {
  return new Map(
    locks.flatMap(({ repositories, packages }) =>
      Object.entries({ ...repositories, ...packages }).map(
        ([name, { repository, commit }]) => [commit, { name, repository }] as const,
      ),
    ),
  );
}

/** What moved between two states of a stack, each list sorted by name. */
export interface VersionMoves {
  readonly packages: readonly VersionMove[];
  readonly nodes: readonly LinkedVersionMove[];
  readonly models: readonly VersionMove[];
  readonly pins: readonly VersionMove[];
}

/** Reads the moves out of the stages' inputs: those are what was really locked when each was built. */
export function movesBetween(
  before: readonly KeyedStage[],
  after: readonly KeyedStage[],
  sources: CommitIndex,
): VersionMoves {
  const [old, now] = [inputsOf(before), inputsOf(after)];
  const changed = [...new Set([...old.keys(), ...now.keys()])]
    .filter((id) => old.get(id)?.value !== now.get(id)?.value)
    .map((id) => {
      const { kind, name } = now.get(id) ?? old.get(id) ?? { kind: "", name: "" };
      return { kind, name, before: old.get(id)?.value ?? null, after: now.get(id)?.value ?? null };
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const of = (kind: Kind) => changed.filter((change) => change.kind === kind);
  return {
    packages: of("package").map(packageMove),
    nodes: of("node").map((move) => nodeMove(move, sources)),
    models: of("model").map(({ kind: _, ...move }) => move),
    pins: of("pin").map(({ kind: _, ...move }) => move),
  };
}

type Kind = "package" | "node" | "model" | "pin";

interface Input {
  readonly kind: Kind;
  readonly name: string;
  readonly value: string;
}

/** A node, or another source, at its commit; those of its submodules follow. */
const commits = /^[0-9a-f]{40}( [0-9a-f]{40})*$/;

/** By kind and name, not by stage: what only went from one stage to another is in the image as before. */
function inputsOf(stages: readonly KeyedStage[]): Map<string, Input> {
  return new Map(
    stages.flatMap((stage) =>
      Object.entries(stage.inputs).flatMap(([input, value]) => {
        const colon = input.indexOf(":");
        const name = input.slice(colon + 1);
        const kind = kindOf(input.slice(0, colon), stage.name, value);
        return kind ? [[`${kind}:${name}`, { kind, name, value }] as const] : [];
      }),
    ),
  );
}

function kindOf(input: string, stage: string, value: string): Kind | undefined {
  if (input === "package" || input === "model") return input;
  if (input !== "pin") return undefined;
  if (commits.test(value)) return "node";
  // The hashes of a package that is built from source: it is among the packages by its version.
  if (stage.startsWith("wheel-")) return undefined;
  return /^models?(-|$)/.test(stage) ? "model" : "pin";
}

/** Versions alone, unless it is another build of the same one. */
function packageMove({ name, before, after }: VersionMove): VersionMove {
  const version = (value: string | null) => value?.split(" ")[0] ?? null;
  if (version(before) === version(after)) return { name, before, after };
  return { name, before: version(before), after: version(after) };
}

function nodeMove({ name, before, after }: VersionMove, sources: CommitIndex): LinkedVersionMove {
  const [old, now] = [before, after].map((value) => value?.split(" ")[0] ?? "");
  const source = sources.get(now ?? "") ?? sources.get(old ?? "");
  const pin = (commit: string | undefined) =>
    commit && source ? { repository: source.repository, commit } : undefined;
  return {
    name: source?.name ?? name,
    before: before === null ? null : short(before),
    after: after === null ? null : short(after),
    // A moved submodule alone leaves nothing to compare in the repository itself.
    link: (old !== now && compareLink(pin(old), pin(now))) || null,
  };
}
