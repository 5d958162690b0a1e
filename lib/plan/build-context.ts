import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Stage } from "./plan.ts";

/**
 * Writes a stage's build context to `<folder>/<key>`, once: the content decides the name, so a folder that is
 * there is right. Modes are set rather than inherited, because the provider hashes them.
 *
 * @returns the context's folder
 */
export function writeBuildContext(folder: string, stage: Stage): string {
  const target = join(folder, `${stage.name}-${stage.key}`);
  if (existsSync(target)) return target;
  const draft = `${target}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  makeFolder(draft);
  for (const file of stage.files) {
    const path = join(draft, file.path);
    makeFolder(dirname(path), draft);
    writeFileSync(path, file.content);
    chmodSync(path, file.executable ? 0o755 : 0o644);
  }
  try {
    renameSync(draft, target);
  } catch (error) {
    // Another run of the same plan was faster; its folder is the same.
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}

function makeFolder(folder: string, root?: string): void {
  if (root !== undefined && folder !== root) makeFolder(dirname(folder), root);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
}
