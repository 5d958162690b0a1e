import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import prettyBytes from "pretty-bytes";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { note } from "../program/progress.ts";

/** Bytes that a first build needs, layers, caches and registry together; README says what was measured. */
export const FIRST_BUILD = 30e9;
/** Bytes that a build needs once the caches are full. */
const LATER_BUILD = 5e9;
/** Bytes of memory below which compiling llama.cpp or a Go tool may be killed. */
const COMFORTABLE_MEMORY = 8e9;

/** Looks at the machine before anything is fetched. `firstBuild` is what a build without any cache needs, in bytes. */
export async function preflight(home: Home, firstBuild = FIRST_BUILD): Promise<void> {
  checkPlatform(process.platform, process.arch);
  const { bavail, bsize } = await statfs(home.root);
  const built = existsSync(home.images) || existsSync(home.buildkit);
  checkDisk(bavail * bsize, built ? LATER_BUILD : firstBuild, home.root);
  if (totalmem() < COMFORTABLE_MEMORY) {
    note(`warning: this machine has ${prettyBytes(totalmem())} of memory; builds were measured with 8 GB`);
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

/** Refuses to start what would end with a full disk; all in bytes. */
export function checkDisk(free: number, needed: number, folder: string): void {
  if (free >= needed) return;
  throw new UserError(
    folder,
    `${prettyBytes(free)} are free, but a build needs ${prettyBytes(needed)}.`,
    "Free some space (`make clean` removes what was built here), or set STRATA_HOME to a folder on a larger disk.",
  );
}
