import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cudaVersions, type PythonVersion } from "../../lib/compatibility.ts";
import { type LockName, lockHeader, lockInputs, lockPath, lockRequirements } from "../../lib/lock-inputs.ts";
import type { NodeLock } from "../../lib/node-lock.ts";
import { parsePythonLock } from "../../lib/python-lock.ts";
import type { Recipe } from "../../lib/recipe.ts";
import { run } from "../exec.ts";
import { step } from "../progress.ts";
import { type LockFile, readLock } from "./files.ts";
import type { LockSources } from "./parts.ts";
import { renderTable } from "./report.ts";
import { installUv } from "./uv.ts";

/** Pythons that locks are kept for: those of the base images in locks/images.json. */
const lockedPythons: readonly PythonVersion[] = ["3.11", "3.12"];

/** Wheels must run on the oldest base image: Debian bookworm has glibc 2.36. */
const platform = "x86_64-manylinux_2_36";

/** Every lock that a recipe has. */
export function pythonLocks(recipe: Recipe): LockName[] {
  return lockedPythons.flatMap((python) =>
    cudaVersions.map((cuda) => ({ recipe: recipe.name, python, cuda })),
  );
}

/** Resolves every recipe's requirements anew, for each Python and CUDA version. */
export async function lockPython(
  { root, recipes }: LockSources,
  nodes: NodeLock,
  tell: (text: string) => void,
): Promise<LockFile[]> {
  const uv = await installUv();
  const files: LockFile[] = [];
  for (const recipe of recipes) {
    for (const name of pythonLocks(recipe)) {
      const path = lockPath(name);
      const text = await step(`Resolving ${path}`, () => resolve(uv, recipe, name, nodes));
      tellMoves(path, readLock(root, path), text, tell);
      files.push({ path, text });
    }
  }
  return files;
}

async function resolve(uv: string, recipe: Recipe, name: LockName, nodes: NodeLock): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "strata-lock-"));
  try {
    const lines = lockRequirements(recipe, name, nodes).map(({ line }) => line);
    writeFileSync(join(folder, "requirements.in"), `${lines.join("\n")}\n`);
    const body = await run(
      uv,
      [
        ...["pip", "compile", "requirements.in", "--no-header", "--no-emit-index-url", "--generate-hashes"],
        ...["--python-version", name.python, "--python-platform", platform, "--upgrade", "--quiet"],
      ],
      { cwd: folder, remedy: `The requirements of ${name.recipe} do not fit together; uv says which.` },
    );
    const text = `${body.trimEnd()}\n`;
    return `${lockHeader(name, recipe, lockInputs(recipe, name, nodes), text)}${text}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tellMoves(path: string, before: string, after: string, tell: (text: string) => void): void {
  const versions = (text: string) =>
    new Map([...(text ? parsePythonLock(text, path) : [])].map(([key, { version }]) => [key, version]));
  const [old, now] = [versions(before), versions(after)];
  const moved = [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .filter((key) => old.get(key) !== now.get(key));
  tell(`${path}: ${moved.length} of ${now.size} packages moved`);
  if (old.size === 0) return;
  const table = renderTable(
    ["package", "old", "new"],
    moved.map((key) => [key, old.get(key) ?? "", now.get(key) ?? ""]),
  );
  if (table) tell(table);
}
