import { throwAll, UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import {
  type AptLock,
  aptLockPath,
  datedSince,
  formatAptLock,
  parseAptLock,
} from "../../lib/locks/apt-lock.ts";
import { type ImageLock, imageLockPath } from "../../lib/locks/image-lock.ts";
import type { Recipe } from "../../lib/recipe/recipe.ts";
import { aptNames } from "../../recipes/apt-names.ts";
import { resolveApt } from "../debian/resolve-apt.ts";
import type { ReportProgress } from "../program/progress.ts";
import { ensureTools } from "../toolchain/toolchain.ts";
import { type LockFile, readLock } from "./write-locks.ts";

/** Asks the mirror of a suite for packages, with all that they need. */
export type ResolvePackages = (suite: string, names: readonly string[]) => Promise<AptLock>;

/** By mmdebstrap, which is installed where it is missing and that is allowed. */
export async function aptResolver(): Promise<ResolvePackages> {
  const { mmdebstrap } = await ensureTools(home, ["mmdebstrap"], true);
  if (!mmdebstrap) throw new Error("mmdebstrap is not resolved");
  return async (suite, names) => await resolveApt(mmdebstrap.path, suite, names);
}

/**
 * The packages of every base image as its mirror has them now. A base whose mirror cannot be asked from here keeps its
 * lock, and `tell` hears why; where none answers, that is an error.
 */
export async function lockPackages(
  root: string,
  images: ImageLock,
  recipes: readonly Recipe[],
  resolve: ResolvePackages,
  say: ReportProgress,
  tell: (line: string) => void,
): Promise<{ images: ImageLock; files: LockFile[] }> {
  const [files, problems]: [LockFile[], UserError[]] = [[], []];
  const fresh: ImageLock = { ...images };
  for (const [name, image] of Object.entries(images)) {
    const suite = image.packages?.suite ?? image.suite;
    if (!suite) continue;
    say(name);
    try {
      const path = aptLockPath(name);
      const text = readLock(root, path);
      const before = text === "" ? undefined : parseAptLock(text, path);
      const lock = datedSince(before, await resolve(suite, aptNames(recipes, name)));
      tell(`${path}: ${moved(before, lock)} of ${lock.packages.size} packages moved`);
      files.push({ path, text: formatAptLock(lock) });
      fresh[name] = { ...image, packages: { suite, date: lock.date } };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error);
    }
  }
  if (files.length === 0) throwAll("locks/apt", problems);
  for (const { message } of problems) tell(`its packages stay as they were locked: ${message}`);
  return { images: fresh, files };
}

function moved(before: AptLock | undefined, { packages }: AptLock): number {
  return [...packages.values()].filter(({ name, sha256 }) => before?.packages.get(name)?.sha256 !== sha256)
    .length;
}

/** What does not fit between base images and the locks of their packages. */
export function packageProblems(root: string, images: ImageLock): UserError[] {
  return Object.entries(images).flatMap(([name, { packages }]) => {
    if (!packages) return [];
    const path = aptLockPath(name);
    const text = readLock(root, path);
    if (text === "") return [new UserError(path, "is missing.", "Run `npm run lock -- packages`.")];
    const { suite, date } = parseAptLock(text, path);
    return suite === packages.suite && date === packages.date
      ? []
      : [
          new UserError(
            path,
            `is of ${suite}, ${date}; ${imageLockPath} says ${packages.suite}, ${packages.date}.`,
            "Run `npm run lock -- packages`.",
          ),
        ];
  });
}
