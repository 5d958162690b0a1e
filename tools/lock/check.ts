import { throwAll, UserError, UserErrors } from "../../errors.ts";
import { nodeLockProblems } from "../../lib/lock-making/node-lock-problems.ts";
import { imageLockPath, parseImageLock } from "../../lib/locks/image-lock.ts";
import { modelLockPath, parseModelLock } from "../../lib/locks/model-lock.ts";
import { type NodeClasses, nodeClassesPath, parseNodeClasses } from "../../lib/locks/node-classes.ts";
import { type NodeLock, nodeLockPath, parseNodeLock } from "../../lib/locks/node-lock.ts";
import { parsePythonLock } from "../../lib/locks/python-lock.ts";
import {
  type LockedRecipe,
  type LockName,
  lockInputs,
  lockPath,
  lockProblem,
  ownEnvironments,
} from "../../lib/plan/lock-inputs.ts";
import { note } from "../program/progress.ts";
import { classesProblems } from "./lock-classes.ts";
import { packageProblems } from "./lock-packages.ts";
import { isOptional, pythonLocks } from "./lock-python.ts";
import type { LockKind } from "./refresh.ts";
import { type LockSources, readLock } from "./write-locks.ts";

type Sources = Pick<LockSources, "root" | "recipes">;

/** Throws everything that does not fit between the locks and what they are made from. Asks nobody. */
export function checkLocks(sources: Sources, chosen: readonly LockKind[]): void {
  const problems: UserError[] = [];
  if (chosen.includes("images"))
    collect(problems, () => parseImageLock(readLock(sources.root, imageLockPath)));
  if (chosen.includes("packages")) {
    const images = parseImageLock(readLock(sources.root, imageLockPath));
    collect(problems, () => throwAll("locks/apt", packageProblems(sources.root, images)));
  }
  const nodes = collect(problems, () => readNodes(sources.root));
  if (chosen.includes("nodes") && nodes) problems.push(...nodeLockProblems(sources.recipes, nodes));
  if (chosen.includes("classes") && nodes) {
    collect(problems, () => throwAll(nodeClassesPath, classesProblems(nodes, readClasses(sources.root))));
  }
  if (chosen.includes("models"))
    collect(problems, () => parseModelLock(readLock(sources.root, modelLockPath)));
  if (chosen.includes("python") && nodes) {
    for (const recipe of [...sources.recipes, ...ownEnvironments(sources.recipes)])
      collect(problems, () => checkPython(sources.root, recipe, nodes));
  }
  throwAll("locks", unique(problems));
  note(`The locks fit their inputs: ${chosen.join(", ")}.`);
}

function readNodes(root: string): NodeLock {
  const text = readLock(root, nodeLockPath);
  if (text === "") throw new UserError(nodeLockPath, "is missing.", "Run `npm run lock -- nodes`.");
  return parseNodeLock(text);
}

function readClasses(root: string): NodeClasses {
  const text = readLock(root, nodeClassesPath);
  if (text === "") throw new UserError(nodeClassesPath, "is missing.", "Run `npm run lock -- classes`.");
  return parseNodeClasses(text);
}

/** Throws what does not fit between the Python locks of a recipe and what they are made from. */
export function checkPython(
  root: string,
  recipe: LockedRecipe,
  nodes: NodeLock,
  names: readonly LockName[] = pythonLocks(root, recipe).filter(
    (name) => !isOptional(name) || readLock(root, lockPath(name)) !== "",
  ),
): void {
  const problems: UserError[] = [];
  for (const name of names) {
    collect(problems, () => {
      const path = lockPath(name);
      const text = readLock(root, path);
      if (text === "") throw new UserError(path, "is missing.", "Run `npm run lock -- python`.");
      const problem = lockProblem(name, recipe, lockInputs(recipe, name, nodes), text);
      if (problem) problems.push(problem);
      // An edit explains itself better by what it broke.
      parsePythonLock(text, path);
    });
  }
  throwAll(`locks/python of ${recipe.name}`, problems);
}

/** Runs `work` and keeps what the user can mend; one error may hold several. */
function collect<T>(problems: UserError[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(...(error instanceof UserErrors ? error.errors : [error]));
    return undefined;
  }
}

/** A node that is not in the lock breaks each Python lock in the same way. */
function unique(problems: readonly UserError[]): UserError[] {
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()];
}
