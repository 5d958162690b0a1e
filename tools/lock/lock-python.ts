import { cudaVersions, type PythonVersion, pythonVersions } from "../../lib/gpu/compatibility.ts";
import { byOrigin } from "../../lib/lock-making/resolver-inputs.ts";
import { missingWheelProblems } from "../../lib/locks/missing-wheels.ts";
import type { NodeLock } from "../../lib/locks/node-lock.ts";
import { parsePythonLock } from "../../lib/locks/python-lock.ts";
import {
  type LockName,
  lockHeader,
  lockInputs,
  lockPath,
  lockRequirements,
} from "../../lib/plan/lock-inputs.ts";
import type { Recipe } from "../../lib/recipe/recipe.ts";
import { withProgress } from "../program/progress.ts";
import { renderTable } from "../program/table.ts";
import { resolveRequirements } from "./resolve-requirements.ts";
import { type Compile, installUv } from "./uv.ts";
import type { LockSources } from "./write-locks.ts";
import { type LockFile, readLock } from "./write-locks.ts";

/** Pythons that not every package is ready for: their locks may say what is missing, and the preview repeats it. */
const young: ReadonlySet<PythonVersion> = new Set(["3.13", "3.14", "3.14t"]);

/** Every lock that is made for a recipe. */
export function pythonLocks(recipe: Recipe): LockName[] {
  return pythonVersions.flatMap((python) =>
    cudaVersions.map((cuda) => ({ recipe: recipe.name, python, cuda })),
  );
}

/** Whether a recipe may be without a lock; the preview of a stack that wants it says how it is made. */
export function isOptional({ python }: LockName): boolean {
  return young.has(python);
}

/** Resolves every recipe's requirements anew, for each Python and CUDA version. */
export async function lockPython(
  { root, recipes }: LockSources,
  nodes: NodeLock,
  writeLine: (text: string) => void,
): Promise<LockFile[]> {
  const compile = await installUv();
  const files: LockFile[] = [];
  for (const recipe of recipes) {
    for (const name of pythonLocks(recipe)) {
      files.push(await lockOne(compile, { root, recipe, name, nodes }, writeLine));
    }
  }
  return files;
}

/** One lock, and what it is made from. */
export interface LockOne {
  readonly root: string;
  readonly recipe: Recipe;
  readonly name: LockName;
  readonly nodes: NodeLock;
  readonly prefer?: string | undefined;
}

/** Resolves a recipe's requirements for one Python and CUDA version, and tells what moved. */
export async function lockOne(
  compile: Compile,
  { root, recipe, name, nodes, prefer }: LockOne,
  writeLine: (text: string) => void,
): Promise<LockFile> {
  const path = lockPath(name);
  const requirements = byOrigin(lockRequirements(recipe, name, nodes));
  const body = await withProgress(`Resolving ${path}`, () =>
    resolveRequirements(compile, {
      path,
      python: name.python,
      mayMiss: young.has(name.python),
      requirements,
      aliases: recipe.resolution?.aliases,
      prefer,
    }),
  );
  const text = `${lockHeader(name, recipe, lockInputs(recipe, name, nodes), body)}${body}`;
  reportMoves(path, readLock(root, path), text, writeLine);
  for (const { message } of missingWheelProblems(text, path)) writeLine(`  ${message}`);
  return { path, text };
}

function reportMoves(path: string, before: string, after: string, writeLine: (text: string) => void): void {
  const versions = (text: string) =>
    new Map([...(text ? parsePythonLock(text, path) : [])].map(([key, { version }]) => [key, version]));
  const [old, now] = [versions(before), versions(after)];
  const moved = [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .filter((key) => old.get(key) !== now.get(key));
  writeLine(`${path}: ${moved.length} of ${now.size} packages moved`);
  if (old.size === 0) return;
  const table = renderTable(
    ["package", "old", "new"],
    moved.map((key) => [key, old.get(key) ?? "", now.get(key) ?? ""]),
  );
  if (table) writeLine(table);
}
