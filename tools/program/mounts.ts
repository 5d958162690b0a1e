import { mkdir, readFile, rm } from "node:fs/promises";
import { attempt } from "./exec.ts";

/**
 * Unmounts all below a folder: what a builder that was killed had mounted for its steps stays, and the folder can't be removed.
 * What cannot be unmounted, or where there is no /proc, stays as it is.
 */
export async function unmountBelow(folder: string): Promise<void> {
  const mounts = await readFile("/proc/self/mounts", "utf8").catch(() => "");
  for (const path of mountsBelow(folder, mounts)) await attempt("umount", ["--lazy", path]);
}

/** An empty folder, whatever is mounted below it. */
export async function emptyMounts(folder: string): Promise<void> {
  await unmountBelow(folder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
}

/** The mount points below `folder` in the text of /proc/self/mounts, the last that was mounted first. */
export function mountsBelow(folder: string, mounts: string): string[] {
  return mounts
    .split("\n")
    .map((line) =>
      (line.split(" ")[1] ?? "").replace(/\\([0-7]{3})/g, (_, code) =>
        String.fromCharCode(Number.parseInt(code, 8)),
      ),
    )
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse();
}
