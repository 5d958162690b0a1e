import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isSame, type ProcessIdentity } from "../program/processes.ts";

const POLL_MS = 500;

/**
 * Makes the folder `target` by `work`, which gets a temporary folder's name to fill. The folder appears whole or not
 * at all; when another clone is making the same one, this waits for it; what an interrupted run left is removed.
 */
export async function produce(target: string, work: (temporary: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const release = await claim(`${target}.lock`);
  try {
    if (existsSync(target)) return;
    const prefix = `${basename(target)}.tmp-`;
    for (const entry of await readdir(dirname(target))) {
      // Nobody else is at work on this target, so these are remains.
      if (entry.startsWith(prefix)) await rm(join(dirname(target), entry), { recursive: true, force: true });
    }
    const temporary = join(dirname(target), `${prefix}${process.pid}`);
    await work(temporary);
    await rename(temporary, target);
  } finally {
    await release();
  }
}

/** Takes the lock file `path`, waiting while the process that holds it lives. */
async function claim(path: string): Promise<() => Promise<void>> {
  const mine = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(mine, JSON.stringify(identify(process.pid)));
  try {
    for (;;) {
      try {
        // A link appears with its contents, where a new file would be empty for a moment.
        await link(mine, path);
        return () => rm(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = await readFile(path, "utf8").catch(() => undefined);
      if (holder !== undefined && !isSame(JSON.parse(holder) as ProcessIdentity))
        await rm(path, { force: true });
      else await sleep(POLL_MS);
    }
  } finally {
    await rm(mine, { force: true });
  }
}
