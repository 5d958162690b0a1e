import { z } from "zod";
import { byName, contentHash, parseGeneratedLock } from "./lock-file.ts";

const commit = z.string().regex(/^[0-9a-f]{40}$/, "a full commit has 40 hex digits");
const repository = z
  .string()
  .regex(/^(https?|git|ssh):\/\/\S+[^/]$/, "expected a git address such as https://host/owner/name");
const relativePath = z
  .string()
  .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))\S(.*\S)?$/, "expected a path below the repository");

const pinned = {
  repository,
  /** Branch or tag that was looked up; `HEAD` is the default branch. */
  ref: z.string().min(1),
  commit,
};

const checkout = z.strictObject({
  ...pinned,
  /** From pyproject.toml or comfyui_version.py; null where it says none. */
  version: z.string().nullable(),
  /** The requirement files that count, each line without comments. */
  requirements: z.record(relativePath, z.array(z.string().min(1))),
  submodules: z.array(z.strictObject({ path: relativePath, repository, commit })),
  /** Scripts that ComfyUI-Manager would run: install.py, prestartup_script.py. */
  scripts: z.array(relativePath),
  /** Files that are pointers of git LFS: their content is not in the repository. */
  pointers: z.array(relativePath),
  /** What no lock can hold: unpinned addresses among the requirements, calls of pip in the code. */
  warnings: z.array(z.string()),
});

const gitPackage = z.strictObject({ ...pinned, version: z.string() });

const schema = z.strictObject({
  /** How old every commit had to be, `7 days`; absent where that did not count. */
  coolDown: z.string().min(1).optional(),
  /** By `owner/name`: ComfyUI itself and each custom node. */
  repositories: z.record(z.string(), checkout),
  /** Python packages that are only in git, by name. */
  packages: z.record(z.string(), gitPackage),
});

/** A repository at one commit, and what a lock has to know of it. */
export type NodeCheckout = z.infer<typeof checkout>;
/** A Python package that is built from git. */
export type LockedGitPackage = z.infer<typeof gitPackage>;
export type NodeLock = z.infer<typeof schema>;

/** Where it lies, below the repository. */
export const nodeLockPath = "locks/nodes.json";

/**
 * Reads `locks/nodes.json`: ComfyUI, its nodes and git packages at full commits. Throws all that is wrong with it. Its
 * hash is over all of it: what was read at one commit is worth nothing beside another one.
 */
export function parseNodeLock(text: string, path = nodeLockPath): NodeLock {
  return parseGeneratedLock(schema, sorted, text, path, "npm run lock -- nodes");
}

/** Two locks as one; what `overrides` has under a name counts. */
export function joinNodeLocks(base: NodeLock, overrides: NodeLock): NodeLock {
  return {
    repositories: { ...base.repositories, ...overrides.repositories },
    packages: { ...base.packages, ...overrides.packages },
  };
}

/** The text of `locks/nodes.json`; the same lock is the same text. */
export function formatNodeLock(lock: NodeLock): string {
  const entries = sorted(lock);
  return `${JSON.stringify({ content: contentHash(entries), ...entries }, null, 2)}\n`;
}

/** Entries by name, fields as the schema has them. */
function sorted(lock: NodeLock): NodeLock {
  const { coolDown, repositories, packages } = schema.parse(lock);
  return {
    ...(coolDown === undefined ? {} : { coolDown }),
    repositories: byName(repositories),
    packages: byName(packages),
  };
}
