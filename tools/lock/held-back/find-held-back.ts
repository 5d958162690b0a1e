import { completeDefaults } from "../../../config.ts";
import { inParallel } from "../../../lib/in-parallel.ts";
import {
  type FreeVersion,
  type HeldBack,
  heldPackages,
  indexRequirements,
} from "../../../lib/lock-making/held-back.ts";
import { byOrigin, resolverInputs } from "../../../lib/lock-making/resolver-inputs.ts";
import { missingWheelProblems } from "../../../lib/locks/missing-wheels.ts";
import { type PythonLock, parsePythonLock, type Requirement } from "../../../lib/locks/python-lock.ts";
import { lockPath, lockRequirements } from "../../../lib/plan/lock-inputs.ts";
import { withProgress } from "../../program/progress.ts";
import type { LockOne } from "../lock-python.ts";
import type { Compile, Question } from "../uv.ts";
import type { LockFile } from "../write-locks.ts";
import { newestVersions } from "./newest-versions.ts";
import { stances } from "./node-stance.ts";

/** Others of a recipe are held back by the same lines. */
const AT_ONCE = 4;

/**
 * What is held back in the lock of each recipe for its own Python and CUDA. Asks the index, and the nodes' repositories
 * as far as they can be reached.
 */
export async function findHeldBack(
  compile: Compile,
  locks: readonly LockOne[],
  files: readonly LockFile[],
  mirrors: Readonly<Record<string, string>>,
): Promise<HeldBack[]> {
  const own = locks.flatMap((lock) => {
    const defaults = completeDefaults(lock.recipe);
    const file = files.find(({ path }) => path === lockPath(lock.name));
    const isOwn = lock.name.python === defaults.python && lock.name.cuda === defaults.cuda;
    return isOwn && file && missingWheelProblems(file.text, file.path).length === 0 ? [{ lock, file }] : [];
  });
  return await withProgress("Looking for what is held back", async () => {
    const found: HeldBack[] = [];
    for (const { lock, file } of own) found.push(...(await ofLock(compile, lock, file, mirrors)));
    return found;
  });
}

async function ofLock(
  compile: Compile,
  { recipe, name, nodes }: LockOne,
  { path, text }: LockFile,
  mirrors: Readonly<Record<string, string>>,
): Promise<HeldBack[]> {
  const lock = parsePythonLock(text, path);
  if (lock.size === 0) return [];
  const requirements = byOrigin(lockRequirements(recipe, name, nodes));
  const { files, excluded } = resolverInputs(requirements, recipe.resolution?.aliases);
  const question = { python: name.python, files, excluded };
  const [newest, said] = await Promise.all([
    newestVersions(compile, name.python, [...lock.keys()]),
    compile({ ...question, args: ["--verbose"] }),
  ]);
  // As the resolver sees them: under the names that stand in for others.
  const seen: Requirement[] = requirements.flatMap((one) =>
    [...resolverInputs([one], recipe.resolution?.aliases).files.values()]
      .flat()
      .map((line) => ({ ...one, line })),
  );
  const held = heldPackages(lock, newest, seen, indexRequirements(said.stderr, lock));
  const stanceOf = await stances(held, nodes, mirrors);
  return await inParallel(AT_ONCE, held, async ({ caps, ...one }) => ({
    recipe: recipe.name,
    lock: path,
    ...one,
    caps: caps.map((cap) => ({ ...cap, newestCommit: stanceOf(one.name, cap) })),
    without: await versionsWithout(compile, question, one.name, lock),
  }));
}

/** Another resolution, in which nobody may say which version of a package he wants. */
async function versionsWithout(
  compile: Compile,
  question: Question,
  name: string,
  lock: PythonLock,
): Promise<FreeVersion[] | null> {
  const { ok, stdout } = await compile({ ...question, overrides: [name] });
  if (!ok) return null;
  const free = parsePythonLock(stdout, name);
  return [...new Set([...lock.keys(), ...free.keys()])]
    .sort()
    .map((each) => ({
      name: each,
      locked: lock.get(each)?.version ?? null,
      free: free.get(each)?.version ?? null,
    }))
    .filter((each) => each.locked !== each.free);
}
