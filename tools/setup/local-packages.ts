import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { cache, type Home, repository } from "../../home.ts";
import {
  aptLockPath,
  datedSince,
  formatAptLock,
  type LocalPackages,
  localPackagesSchema,
  lockTextHash,
  parseAptLock,
} from "../../lib/locks/apt-lock.ts";
import { rootContext } from "../debian/mmdebstrap.ts";
import { resolveApt } from "../debian/resolve-apt.ts";
import { recall, writeJson } from "../program/files.ts";
import { note, type ReportProgress } from "../program/progress.ts";

/** What the bases that were made here are made of, by name. */
async function localPackages(home: Home): Promise<LocalPackages> {
  return (await recall(home.packages, localPackagesSchema)) ?? {};
}

/** Whether the base that was made here is of this lock, or of what stands in for it. */
export async function isMadeOf(home: Home, name: string, committed: string): Promise<boolean> {
  return (await localPackages(home))[name]?.committed === lockTextHash(committed);
}

/** Once the base itself can be had, so can its packages. */
export async function forgetPackages(home: Home, name: string): Promise<void> {
  const { [name]: _, ...others } = await localPackages(home);
  await writeJson(home.packages, others);
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
  return formatAptLock(datedSince(lock, today));
}

/** The build context of a base that is made here, of the packages that this machine goes by; what these are is kept. */
export async function baseContext(
  home: Home,
  mmdebstrap: { readonly path: string; readonly version: string },
  base: { readonly name: string; readonly suite: string; readonly committed: string },
  say: ReportProgress,
): Promise<string> {
  const { name, suite, committed } = base;
  const lock = await askedLately(
    join(cache, "base", `packages-${suite}-${lockTextHash(committed)}.json`),
    () => {
      say("asking the mirror");
      return packagesToUse(mmdebstrap.path, name, suite, committed);
    },
  );
  say("bootstrapping");
  const context = await rootContext(mmdebstrap, suite, { lock: lock ? parseAptLock(lock, name) : undefined });
  const others = await localPackages(home);
  const record = { committed: lockTextHash(committed), ...(lock === committed ? {} : { lock }) };
  await writeJson(home.packages, { ...others, [name]: record });
  return context;
}

/** Milliseconds for which the mirror's answer counts, for all clones of this user: Debian's archive moves four times a day. */
const ANSWER_COUNTS = 6 * 3_600_000;

const answerSchema = z.strictObject({ at: z.number(), lock: z.string().optional() });

/** What `ask` said lately, kept in the file at `path`; asked anew where that is older, or lies in the future. */
export async function askedLately(
  path: string,
  ask: () => Promise<string | undefined>,
  now = Date.now(),
): Promise<string | undefined> {
  const kept = await recall(path, answerSchema);
  if (kept && now >= kept.at && now - kept.at < ANSWER_COUNTS) return kept.lock;
  const lock = await ask();
  await writeJson(path, { at: now, lock });
  return lock;
}
