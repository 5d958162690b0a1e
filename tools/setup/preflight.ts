import { existsSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import prettyBytes from "pretty-bytes";
import { UserError } from "../../errors.ts";
import { type Home, repository } from "../../home.ts";
import { note } from "../program/progress.ts";
import { recallServices } from "../services/record.ts";
import type { BuilderPlace } from "../services/services.ts";

/** Bytes that a first build needs, layers, caches and registry together; README says what was measured. */
export const FIRST_BUILD = 30e9;
/** Bytes that a build needs once the caches are full. */
const LATER_BUILD = 5e9;
/** Bytes beside a Docker engine's data: build contexts, logs, plugins. */
const BESIDE_DOCKER = 2e9;
/** Bytes of memory below which compiling llama.cpp or a Go tool may be killed. */
const COMFORTABLE_MEMORY = 8e9;

/** Looks at the machine before anything is fetched. `firstBuild` is what a build without any cache needs, in bytes. */
export async function preflight(home: Home, place: BuilderPlace, firstBuild = FIRST_BUILD): Promise<void> {
  checkPlatform(process.platform, process.arch);
  checkFileSystem(repository);
  for (const { folder, needed, remedy } of await wantedSpace(home, place, firstBuild)) {
    const free = await freeBytes(folder);
    if (free !== undefined) checkDisk(free, needed, folder, remedy);
  }
  if (totalmem() < COMFORTABLE_MEMORY) {
    note(`warning: this machine has ${prettyBytes(totalmem())} of memory; builds were measured with 8 GB`);
  }
}

/** Where a build writes, and how much: with Docker into its volumes, else into this clone's home. */
export async function wantedSpace(
  home: Home,
  place: BuilderPlace,
  firstBuild: number,
): Promise<readonly { readonly folder: string; readonly needed: number; readonly remedy?: string }[]> {
  if (place.kind === "buildkitd") {
    const isBuilt = existsSync(home.images) || existsSync(home.buildkit);
    return [{ folder: home.root, needed: isBuilt ? LATER_BUILD : firstBuild }];
  }
  const { root } = place.engine;
  const isBuilt = (await recallServices(home))?.docker?.engine === place.engine.id;
  const remedy =
    "Free some space (`docker system df` tells what Docker has, `make clean` removes what was built here), or move Docker's data to a larger disk (`data-root` in its daemon.json).";
  return [
    ...(root === undefined ? [] : [{ folder: root, needed: isBuilt ? LATER_BUILD : firstBuild, remedy }]),
    { folder: home.root, needed: Math.min(BESIDE_DOCKER, firstBuild) },
  ];
}

/** What is free where `folder` lies; undefined where it is not of this machine, as with an engine in another root. */
async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    // Only root may look into some of Docker's folders, which are on the same disk then.
    if ((error as NodeJS.ErrnoException).code === "EACCES") return await freeBytes(dirname(folder));
    return undefined;
  }
}

/** Only linux/amd64 images are built, natively. */
export function checkPlatform(platform: string, architecture: string): void {
  if (platform === "linux" && architecture === "x64") return;
  throw new UserError(
    "platform",
    `strata builds linux/amd64 images on such a machine, this is ${platform}/${architecture}.`,
    "Run it on an x86_64 Linux machine, in WSL 2 or in a virtual machine.",
  );
}

/**
 * Refuses a drive of Windows (`/mnt/c` in WSL 2) and the like: there every file counts as executable, or names as equal
 * whatever their case, so that the same sources would have other keys than everywhere else.
 */
export function checkFileSystem(folder: string): void {
  const plain = join(folder, "LICENSE");
  if (!existsSync(plain)) return;
  // In git no one may run it.
  const isExecutable = (statSync(plain).mode & 0o111) !== 0;
  const ignoresCase = existsSync(join(folder, "license"));
  if (!isExecutable && !ignoresCase) return;
  throw new UserError(
    folder,
    `its file system ${isExecutable ? "takes every file for a program" : "does not tell names apart by case"}, as drives of Windows do: images would have other keys.`,
    "Clone strata into a folder of Linux; in WSL 2: `cd ~`, and not below /mnt.",
  );
}

const ownRemedy =
  "Free some space (`make clean` removes what was built here), or set STRATA_HOME to a folder on a larger disk.";

/** Refuses to start what would end with a full disk; all in bytes. */
export function checkDisk(free: number, needed: number, folder: string, remedy = ownRemedy): void {
  if (free >= needed) return;
  throw new UserError(
    folder,
    `${prettyBytes(free)} are free, but a build needs ${prettyBytes(needed)}.`,
    remedy,
  );
}
