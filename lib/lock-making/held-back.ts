import { gt, satisfies, valid } from "@renovatebot/pep440";
import type { PythonLock, Requirement } from "../locks/python-lock.ts";
import { normaliseName, requirementName } from "../locks/python-lock.ts";
import { isSpecifier, parseRequirement } from "../locks/requirement.ts";

/** A requirement that forbids the newest version of a package. */
export interface Cap {
  /** A file of a node, the recipe with its reason, or a package of the index with its version. */
  readonly by: string;
  readonly line: string;
}

/** A package that a lock has in an old version because somebody forbids the newest one. */
export interface HeldPackage {
  readonly name: string;
  readonly locked: string;
  readonly newest: string;
  readonly caps: readonly Cap[];
}

/** What the newest commit of a node says of a cap that the lock has of it; `not asked` where it cannot be reached. */
export type Stance = "still asks" | "no longer asks" | "not asked";

/** A version that is another without the caps on a package. */
export interface FreeVersion {
  readonly name: string;
  readonly locked: string | null;
  readonly free: string | null;
}

/** A package that is held back in a recipe's lock, by whom, and what would be otherwise. */
export interface HeldBack extends Omit<HeldPackage, "caps"> {
  readonly recipe: string;
  /** The lock that was looked at: the one for the recipe's own Python and CUDA. */
  readonly lock: string;
  readonly caps: readonly (Cap & {
    /** What the newest commit of a node says; null for who is no node. */
    readonly newestCommit: Stance | null;
  })[];
  /** Everything that another resolution without any cap on it has otherwise; null where nothing fits then either. */
  readonly without: readonly FreeVersion[] | null;
}

/** What one package of the index asks of another, as the resolver read it. */
export interface IndexRequirement extends Cap {
  readonly name: string;
  /** `>=1.24, <2 | >=2.4`, without the package's name. */
  readonly versions: string;
}

/** uv's words with --verbose: `Adding transitive dependency for rembg==2.0: pillow[x]{marker}>=10, <11`. */
const edge =
  /Adding transitive dependency for (\S+?)(?:\[[^\]]*\])?==(\S+): ([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?:\{.*\})?([^{}\n]*)$/gm;

/** What the packages of a lock ask of each other; those that the resolver looked at and left count for nothing. */
export function indexRequirements(said: string, lock: PythonLock): IndexRequirement[] {
  return [...said.matchAll(edge)].flatMap(([, asker = "", version = "", name = "", versions = ""]) => {
    const isLocked = lock.get(normaliseName(asker))?.version === version;
    // By a marker a package asks for itself once more.
    if (!isLocked || normaliseName(asker) === normaliseName(name)) return [];
    const wanted = versions.trim();
    return [
      { by: `${asker} ${version}`, line: `${name}${wanted}`, name: normaliseName(name), versions: wanted },
    ];
  });
}

/**
 * The packages that somebody holds back for others. Only those that nodes or the recipe ask for: what only packages ask
 * of each other, as torch of CUDA's libraries, is theirs to decide; and so is what a layer pins, by its set of versions.
 */
export function heldPackages(
  lock: PythonLock,
  newest: ReadonlyMap<string, string>,
  requirements: readonly Requirement[],
  fromIndex: readonly IndexRequirement[],
): HeldPackage[] {
  const asked = Map.groupBy(requirements, ({ line }) => requirementName(line));
  return [...lock.values()].flatMap(({ name, version: locked }) => {
    const last = newest.get(name) ?? "";
    if (!valid(last) || !valid(locked) || !gt(last, locked)) return [];
    const own = asked.get(name) ?? [];
    const caps = own.filter(({ line }) => forbids(line, last));
    if (own.every(isDecided) || caps.some(isDecided)) return [];
    const needs = fromIndex.filter((one) => one.name === name);
    const all = [...caps, ...needs.filter(({ versions }) => !allows(versions, last))];
    const holders = new Set(all.map(({ by }) => by));
    // Whoever alone has a package holds nobody else back.
    if ([...own, ...needs].every(({ by }) => holders.has(by) && holders.size === 1)) return [];
    const unique = new Map(all.map(({ by, line }) => [`${by} ${line}`, { by, line }]));
    return unique.size > 0 ? [{ name, locked, newest: last, caps: [...unique.values()] }] : [];
  });
}

/** Whether a requirement leaves out a version of its package. */
export function forbids(line: string, version: string): boolean {
  return !allows(parseRequirement(line)?.specifier ?? "", version);
}

/** uv writes ranges with a gap as alternatives. */
function allows(versions: string, version: string): boolean {
  return versions.split("|").some((part) => {
    const specifier = part.trim();
    return specifier === "" || specifier === "*" || !isSpecifier(specifier) || satisfies(version, specifier);
  });
}

/** What strata asks for itself goes by its sets of versions. */
function isDecided({ by }: Requirement): boolean {
  return /^(layer |kernels compiled from source$|wheels built from source$)/.test(by);
}
