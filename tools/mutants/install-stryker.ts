import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cache } from "../../home.ts";
import { run } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";

const folder = join(import.meta.dirname, "stryker");
const files = ["package.json", "package-lock.json"];

/**
 * Installs StrykerJS into the cache, once for each lock: 170 packages that nobody else needs are no part of `npm ci`.
 *
 * @returns its program, for Node
 */
export async function installStryker(): Promise<string> {
  const hash = createHash("sha256").update(readFileSync(join(folder, "package-lock.json")));
  const target = join(cache, `stryker-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(target)) await withProgress("Installing StrykerJS", () => install(target));
  return join(target, "node_modules", "@stryker-mutator", "core", "bin", "stryker.js");
}

/** Under a temporary name first, so that an interruption leaves nothing half done. */
async function install(target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const draft = await mkdtemp(`${target}.`);
  try {
    for (const file of files) await copyFile(join(folder, file), join(draft, file));
    await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: draft,
      remedy: "Check the network and npm's registry (npm ping), then try again.",
    });
    // Another run may have been faster; its folder is the same.
    await rename(draft, target).catch(() => undefined);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
