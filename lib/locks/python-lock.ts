import { createHash } from "node:crypto";
import { UserError } from "../../errors.ts";
import { parseRequirement } from "./requirement.ts";

/** One pinned distribution of a lock made by `uv pip compile --generate-hashes`. */
export interface Distribution {
  /** Normalised name (PEP 503). */
  readonly name: string;
  readonly version: string;
  /** `sha256:…`, sorted. */
  readonly hashes: readonly string[];
  /** Normalised names of the distributions that ask for it. */
  readonly requiredBy: readonly string[];
  /** The index has no wheel of it that fits: it is built in a stage of its own. */
  readonly fromSource: boolean;
  /** Of its wheel; absent where it is a small one. */
  readonly megabytes?: number;
  /** The stack brings its wheel, which the layer that names it fetches itself. */
  readonly pinned?: true;
}

export type PythonLock = ReadonlyMap<string, Distribution>;

/** A Python requirement, and who asks for it. */
export interface Requirement {
  readonly line: string;
  readonly by: string;
}

/** The requirements of one layer. */
export interface RequirementGroup {
  readonly layer: string;
  /** They belong to this layer, even where an earlier one needs them too. */
  readonly requirements: readonly string[];
  /** They belong to this layer unless an earlier one needs them. */
  readonly remaining?: readonly string[];
}

/** PEP 503: names that differ in case, `-`, `_` or `.` are one name. */
export function normaliseName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** The name that a requirement such as `cuda-toolkit[nvcc]==13.0.2` asks for, normalised. */
export function requirementName(requirement: string): string {
  const parts = parseRequirement(requirement);
  if (parts) return normaliseName(parts.name);
  throw new UserError(requirement, "is not a Python requirement.", "Write it as name[extras]==version.");
}

/** Reads a lock. Throws a UserError that names file and line for anything without version or hash. */
export function parsePythonLock(text: string, path: string): PythonLock {
  const lock = new Map<string, Distribution>();
  // A logical line ends where no backslash continues it; the `# via` comment that follows belongs to it.
  const blocks = text.replaceAll("\\\n", " ").split(/\n(?=[A-Za-z0-9])/);
  for (const block of blocks) {
    const [line = "", ...comments] = block.split("\n");
    if (line === "" || line.startsWith("#")) continue;
    const pin = /^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+)(\s*;[^-]*)?/.exec(line);
    const hashes = [...line.matchAll(/--hash=(sha256:[0-9a-f]{64})/g)].map((match) => match[1] ?? "").sort();
    if (!pin?.[1] || !pin[2]) {
      throw new UserError(path, `"${line.slice(0, 60)}" is not pinned.`, "Run `npm run lock -- python`.");
    }
    if (hashes.length === 0) {
      throw new UserError(path, `${pin[1]}==${pin[2]} has no sha256.`, "Run `npm run lock -- python`.");
    }
    const name = normaliseName(pin[1]);
    const fromSource = comments.some((comment) => comment.trim() === "# source: sdist");
    const megabytes = comments.flatMap((comment) => /^\s*# size: (\d+) MB$/.exec(comment)?.[1] ?? [])[0];
    lock.set(name, {
      name,
      version: pin[2],
      hashes,
      requiredBy: requirers(comments),
      fromSource,
      ...(megabytes === undefined ? {} : { megabytes: Number(megabytes) }),
    });
  }
  return lock;
}

/** `# via torch` or one name a line below `# via`; entries such as `-r file` are requirements of our own. */
function requirers(comments: readonly string[]): string[] {
  return comments
    .map((comment) => comment.replace(/^\s*#\s*(via\b)?/, "").trim())
    .filter((name) => /^[A-Za-z0-9]/.test(name) && !name.includes(":"))
    .map(normaliseName);
}

/** The lock with packages that are only in git beside those of the index, and who needs what of them. */
export function withGitPackages(
  lock: PythonLock,
  packages: Readonly<Record<string, { readonly version: string; readonly requires: readonly string[] }>>,
  aliases: Parameters<typeof namesInLock>[2],
): PythonLock {
  const joined = new Map(lock);
  const entries = Object.entries(packages).map(([name, facts]) => ({ ...facts, name: normaliseName(name) }));
  for (const { name, version } of entries) {
    joined.set(name, { name, version, hashes: [], requiredBy: [], fromSource: true });
  }
  for (const { name, requires } of entries) {
    for (const needed of namesInLock(requires, lock, aliases)) {
      const distribution = joined.get(needed);
      if (distribution) {
        joined.set(needed, { ...distribution, requiredBy: [...distribution.requiredBy, name] });
      }
    }
  }
  return joined;
}

/**
 * The distributions of the lock that requirements ask for. An aliased name is the one that stands in for it, and a
 * requirement with a marker (`; sys_platform == "win32"`) may be for another machine.
 */
export function namesInLock(
  requirements: readonly string[],
  lock: PythonLock,
  aliases: Readonly<Record<string, { readonly of: string }>>,
): string[] {
  return requirements.flatMap((requirement) => {
    const requiredName = requirementName(requirement);
    const name = normaliseName(aliases[requiredName]?.of ?? requiredName);
    return lock.has(name) || !parseRequirement(requirement)?.marker ? [name] : [];
  });
}

/** Everything that `names` need, themselves included. Throws for a name that the lock does not hold. */
export function closure(lock: PythonLock, names: Iterable<string>, path: string): Set<string> {
  const needs = new Map<string, string[]>();
  for (const distribution of lock.values()) {
    for (const requirer of distribution.requiredBy) {
      needs.set(requirer, [...(needs.get(requirer) ?? []), distribution.name]);
    }
  }
  const needed = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name)) continue;
    if (!lock.has(name)) {
      throw new UserError(path, `does not hold ${name}.`, "Run `npm run lock -- python`.");
    }
    needed.add(name);
    open.push(...(needs.get(name) ?? []));
  }
  return needed;
}

/**
 * Gives every distribution to one layer: to the layer that claims it by name, otherwise to the first one that needs
 * it. So no file is in two layers, and a layer does not change when a later one gets another package.
 */
export function splitLock(
  lock: PythonLock,
  groups: readonly RequirementGroup[],
  path: string,
): Map<string, Distribution[]> {
  const owner = new Map<string, string>();
  for (const group of groups) {
    for (const name of group.requirements.map(requirementName)) {
      if (!owner.has(name)) owner.set(name, group.layer);
    }
  }
  for (const group of groups) {
    const requiredNames = [...group.requirements, ...(group.remaining ?? [])].map(requirementName);
    for (const name of closure(lock, requiredNames, path)) {
      if (!owner.has(name)) owner.set(name, group.layer);
    }
  }
  return new Map(
    groups.map((group) => [
      group.layer,
      [...lock.values()]
        .filter((distribution) => owner.get(distribution.name) === group.layer)
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    ]),
  );
}

/** A requirements file for `--require-hashes`. */
export function formatRequirements(distributions: readonly Distribution[]): string {
  return distributions
    .map(({ name, version, hashes }) =>
      [`${name}==${version}`, ...hashes.map((hash) => `    --hash=${hash}`)].join(" \\\n"),
    )
    .map((entry) => `${entry}\n`)
    .join("");
}

/** A distribution as a pin: `2.12.0 (3f5a…)`, the version and a short hash over its hashes. */
export function pinOf(distribution: Distribution): string {
  const digest = createHash("sha256").update(distribution.hashes.join("\n")).digest("hex");
  return `${distribution.version} (${digest.slice(0, 12)})`;
}
