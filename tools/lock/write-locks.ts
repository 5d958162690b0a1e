import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PythonVersion } from "../../lib/gpu/compatibility.ts";
import type { CoolDown } from "../../lib/lock-making/cool-down.ts";
import type { HeldBack } from "../../lib/lock-making/held-back.ts";
import type { Recipe } from "../../lib/recipe/recipe.ts";
import { deferInterrupts } from "../program/main.ts";

/** What locks are made from. */
export interface LockSources {
  /** The folder that holds `locks/`. */
  readonly root: string;
  readonly recipes: readonly Recipe[];
  readonly mirrors: Readonly<Record<string, string>>;
  /** Versions of Python that get locks although no base image brings them. */
  readonly pythons?: readonly PythonVersion[];
  /** How long what is taken has to have been out. @default not at all */
  readonly coolDown?: CoolDown;
  /** Gets what is held back in the Python locks, which is looked for only then. */
  readonly tellHeldBack?: (held: readonly HeldBack[]) => void;
}

/** A lock as it is to be, below the repository. */
export interface LockFile {
  readonly path: string;
  readonly text: string;
}

/** A lock's text as it is; empty when there is none. */
export function readLock(root: string, path: string): string {
  const file = join(root, path);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/**
 * Puts all files in place when each has been written whole, also to the disk: a full one, an interrupt or a crash before
 * that changes none of them. From there on an interrupt waits.
 */
export async function writeLocks(root: string, files: readonly LockFile[]): Promise<void> {
  const suffix = `.${randomBytes(4).toString("hex")}.tmp`;
  const targets = files.map(({ path, text }) => ({ target: join(root, path), text }));
  try {
    for (const folder of new Set(targets.map(({ target }) => dirname(target)))) {
      await mkdir(folder, { recursive: true });
      await removeLeftovers(folder);
    }
    for (const { target, text } of targets) {
      await writeFile(`${target}${suffix}`, text, { flush: true });
    }
    const putInPlace = async () => {
      for (const { target } of targets) await rename(`${target}${suffix}`, target);
    };
    await deferInterrupts(() => {}, putInPlace);
  } finally {
    for (const { target } of targets) await rm(`${target}${suffix}`, { force: true });
  }
}

/** So long nobody writes locks. */
const ABANDONED_MS = 3_600_000;

/** What a run left that was killed while it wrote. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/\.[0-9a-f]{8}\.tmp$/.test(name)) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > ABANDONED_MS) await rm(path, { force: true });
  }
}
