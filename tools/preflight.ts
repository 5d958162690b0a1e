import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import prettyBytes from "pretty-bytes";
import { UserError } from "../errors.ts";
import type { Home } from "./home.ts";
import { note } from "./progress.ts";

/** Bytes that a first build needs, layers, caches and registry together; README says what was measured. */
const FIRST_BUILD = 40e9;
/** Bytes that a build needs once the caches are full. */
const LATER_BUILD = 5e9;
/** Bytes of memory below which compiling llama.cpp or a Go tool may be killed. */
const COMFORTABLE_MEMORY = 8e9;

/** Looks at the machine before anything is fetched. */
export async function preflight(home: Home): Promise<void> {
  checkPlatform(process.platform, process.arch);
  const { bavail, bsize } = await statfs(home.root);
  checkDisk(bavail * bsize, existsSync(home.images) || existsSync(home.buildkit), home.root);
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

/** `free` bytes in `folder`; `built` says whether there was a build before. */
export function checkDisk(free: number, built: boolean, folder: string): void {
  const needed = built ? LATER_BUILD : FIRST_BUILD;
  if (free >= needed) return;
  throw new UserError(
    folder,
    `${prettyBytes(free)} are free, but ${built ? "a build" : "the first build"} needs ${prettyBytes(needed)}.`,
    "Free some space (`make clean` removes what was built here), or set STRATA_HOME to a folder on a larger disk.",
  );
}
