import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Home, repository } from "../../home.ts";
import {
  aptLockPath,
  formatAptLock,
  type LocalPackages,
  localPackagesSchema,
  parseAptLock,
} from "../../lib/locks/apt-lock.ts";
import { resolveApt } from "../debian/resolve-apt.ts";
import { recall } from "../program/files.ts";
import { note } from "../program/progress.ts";

/** What the bases that were made here are made of, by name. */
export async function localPackages(home: Home): Promise<LocalPackages> {
  return (await recall(home.packages, localPackagesSchema)) ?? {};
}

/** The text of the lock of a base's packages; empty where it has none. */
export async function committedPackages(name: string): Promise<string> {
  return await readFile(join(repository, aptLockPath(name)), "utf8").catch(() => "");
}

/**
 * The text of the lock that this machine goes by: the committed one as long as all of it is still to be had, else what the
 * mirror has now. Then the keys of all stages differ from other machines', which is told.
 */
export async function packagesToUse(
  mmdebstrap: string,
  name: string,
  suite: string,
  committed: string,
  { resolve = resolveApt, tell = note } = {},
): Promise<string | undefined> {
  if (committed === "") return undefined;
  const path = aptLockPath(name);
  const lock = parseAptLock(committed, path);
  const { gone, unknown: _, ...today } = await resolve(mmdebstrap, suite, [...lock.packages.keys()], lock);
  if (gone.length === 0) return committed;
  tell(
    `packages: ${gone.length} of ${lock.packages.size} in ${path} are no longer at the mirror, and no snapshot can be reached (${gone.slice(0, 3).join(", ")}): those of today instead, so keys differ from other machines'; \`npm run lock -- packages\` locks them`,
  );
  return formatAptLock(today);
}
