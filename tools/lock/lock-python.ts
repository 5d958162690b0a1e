import { throwAll, UserError, UserErrors } from "../../errors.ts";
import { cudaVersions, type PythonVersion, pythonVersions } from "../../lib/gpu/compatibility.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import { byOrigin } from "../../lib/lock-making/resolver-inputs.ts";
import { imageLockPath, parseImageLock } from "../../lib/locks/image-lock.ts";
import { missingWheelProblems } from "../../lib/locks/missing-wheels.ts";
import type { NodeLock } from "../../lib/locks/node-lock.ts";
import { parsePythonLock } from "../../lib/locks/python-lock.ts";
import {
  type LockedRecipe,
  type LockName,
  lockHeader,
  lockInputs,
  lockPath,
  lockRequirements,
} from "../../lib/plan/lock-inputs.ts";
import { withProgress } from "../program/progress.ts";
import { renderTable } from "../program/table.ts";
import { resolveRequirements } from "./resolve-requirements.ts";
import type { Compile } from "./uv.ts";
import { type LockFile, readLock } from "./write-locks.ts";

/** How many resolutions go on at the same time: they wait for the index more than they compute. */
const AT_ONCE = 4;

/** Pythons that not every package is ready for: their locks may say what is missing, and the preview repeats it. */
const young: ReadonlySet<PythonVersion> = new Set(["3.13", "3.14", "3.14t"]);

/**
 * The locks that are made for a recipe: for each Python that a base image brings or somebody asks for, and those that
 * are there. Nothing could be built with any other.
 */
export function pythonLocks(
  root: string,
  recipe: Pick<LockedRecipe, "name" | "ownEnvironment">,
  asked: readonly PythonVersion[] = [],
): LockName[] {
  const bases = readLock(root, imageLockPath);
  const pythons =
    bases === "" ? pythonVersions : Object.values(parseImageLock(bases)).map((base) => base.python);
  const all = pythonVersions.flatMap((python): LockName[] =>
    recipe.ownEnvironment
      ? [{ recipe: recipe.name, python }]
      : cudaVersions.map((cuda) => ({ recipe: recipe.name, python, cuda })),
  );
  return all.filter(
    (name) =>
      pythons.includes(name.python) || asked.includes(name.python) || readLock(root, lockPath(name)) !== "",
  );
}

/** Whether a recipe may be without a lock; the preview of a stack that wants it says how it is made. */
export function isOptional({ python }: LockName): boolean {
  return young.has(python);
}

/** One lock, and what it is made from. */
export interface LockOne {
  readonly root: string;
  readonly recipe: LockedRecipe;
  readonly name: LockName;
  readonly nodes: NodeLock;
  readonly prefer?: string | undefined;
  /** What the lock says of the cool-down that it was made with. */
  readonly coolDown?: string | undefined;
}

/** Makes locks anew, some at a time, and tells what moved; all that cannot be resolved is told together. */
export async function lockPython(
  compile: Compile,
  locks: readonly LockOne[],
  writeLine: (text: string) => void,
): Promise<LockFile[]> {
  const problems: UserError[] = [];
  const files = new Map<LockOne, LockFile>();
  // The first of a recipe fetches what the index says of its packages, and all others find it there.
  const first = locks.filter(
    ({ recipe }, index) => locks.findIndex((lock) => lock.recipe === recipe) === index,
  );
  let done = 0;
  await withProgress("Resolving Python packages", async (say) => {
    const make = async (lock: LockOne) => {
      try {
        files.set(lock, await lockOne(compile, lock));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        problems.push(error);
      } finally {
        say(`${++done} of ${locks.length}, ${lockPath(lock.name)}`);
      }
    };
    for (const lock of first) await make(lock);
    const others = locks.filter((lock) => !first.includes(lock));
    await inParallel(AT_ONCE, others, make);
  });
  throwAll("locks/python", grouped(problems));
  return locks.flatMap((lock) => {
    const file = files.get(lock);
    if (file === undefined) return [];
    reportMoves(file.path, readLock(lock.root, file.path), file.text, writeLine);
    for (const { message } of missingWheelProblems(file.text, file.path)) writeLine(`  ${message}`);
    return [file];
  });
}

/** What is wrong with several locks in the same way is told once, with all of their names. */
function grouped(errors: readonly UserError[]): UserError[] {
  const all = errors.flatMap((error) => (error instanceof UserErrors ? error.errors : [error]));
  return [...Map.groupBy(all, ({ problem, remedy }) => `${problem}\n${remedy}`).values()].flatMap((same) => {
    const paths = [...new Set(same.map(({ path }) => path))].sort().join(", ");
    return same[0] ? [new UserError(paths, same[0].problem, same[0].remedy)] : [];
  });
}

/** Resolves a recipe's requirements for one Python and CUDA version. */
async function lockOne(
  compile: Compile,
  { recipe, name, nodes, prefer, coolDown }: LockOne,
): Promise<LockFile> {
  const path = lockPath(name);
  const body = await resolveRequirements(compile, {
    path,
    python: name.python,
    mayMiss: young.has(name.python),
    requirements: byOrigin(lockRequirements(recipe, name, nodes)),
    aliases: recipe.resolution?.aliases,
    prefer,
  });
  const header = lockHeader(name, recipe, lockInputs(recipe, name, nodes), body, coolDown);
  return { path, text: `${header}${body}` };
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
