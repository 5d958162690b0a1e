import { existsSync, rmSync } from "node:fs";
import { mkdir, rename, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import prettyBytes from "pretty-bytes";
import { UserError } from "../../errors.ts";
import { deferInterrupts } from "../program/main.ts";

/** What a shell expects of a program that Ctrl-C ended. */
const INTERRUPTED = 130;
/** Beside the bytes of the image: headers, documents, and what a file system keeps for itself. */
const SPARE = 64e6;

/**
 * Has `write` make `path` under another name first: whoever sees it sees all of it. Whatever goes wrong leaves nothing.
 *
 * @param bytes how large it gets at least
 */
export async function writeWhole<T>(
  path: string,
  bytes: number,
  write: (draft: string) => Promise<T>,
): Promise<T> {
  const folder = dirname(path);
  const draft = `${path}.part`;
  try {
    await mkdir(folder, { recursive: true });
    await checkRoom(folder, bytes);
    // What a killed run left is no beginning: its blobs were not looked at again.
    await rm(draft, { recursive: true, force: true });
    const result = await deferInterrupts(
      () => leave(draft),
      () => write(draft),
    );
    await rename(draft, path);
    return result;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw told(error, path, bytes);
  }
}

/** At once: whoever presses Ctrl-C does not wait for a registry that is silent. */
function leave(draft: string): never {
  rmSync(draft, { recursive: true, force: true });
  process.stderr.write("\nInterrupted. Nothing is left of it.\n");
  process.exit(INTERRUPTED);
}

/** A folder is not replaced: what else lies in it would be gone. */
export function refuseFolder(path: string): void {
  if (existsSync(path))
    throw new UserError(path, "is there already.", "Remove it, or name another with --output.");
}

async function checkRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes + SPARE) return;
  throw new UserError(
    folder,
    `${prettyBytes(free)} are free, and the image has ${prettyBytes(bytes)}.`,
    "Free some space, or name a place on a larger disk with --output.",
  );
}

/** What a file system says, for people; anything else stays what it is. */
function told(error: unknown, path: string, bytes: number): unknown {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new UserError(
      path,
      `the disk is full: the image has ${prettyBytes(bytes)} at least. Nothing is left of it.`,
      "Free some space, or name a place on a larger disk with --output.",
    );
  }
  if (code === "EFBIG") {
    return new UserError(
      path,
      "this file system takes no file of that size. Nothing is left of it.",
      "Name a place on another with --output (FAT ends at 4 GB), or take --folder.",
    );
  }
  if (["EACCES", "EPERM", "EROFS", "ENOTDIR", "EISDIR", "ENOTEMPTY", "EEXIST"].includes(code)) {
    return new UserError(path, `cannot be written (${code}).`, "Name another place with --output.");
  }
  return error;
}
