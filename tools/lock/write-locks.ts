import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PythonVersion } from "../../lib/gpu/compatibility.ts";
import type { CoolDown } from "../../lib/lock-making/cool-down.ts";
import type { Recipe } from "../../lib/recipe/recipe.ts";

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

/** Puts all files in place when each has been written whole: a full disk changes none of them. */
export async function writeLocks(root: string, files: readonly LockFile[]): Promise<void> {
  const suffix = `.${randomBytes(4).toString("hex")}.tmp`;
  const targets = files.map(({ path, text }) => ({ target: join(root, path), text }));
  try {
    for (const { target, text } of targets) {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(`${target}${suffix}`, text);
    }
    for (const { target } of targets) await rename(`${target}${suffix}`, target);
  } finally {
    for (const { target } of targets) await rm(`${target}${suffix}`, { force: true });
  }
}
