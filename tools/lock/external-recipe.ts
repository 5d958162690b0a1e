import { completeDefaults } from "../../config.ts";
import { throwAll, UserError } from "../../errors.ts";
import { cudaVersions, type PythonVersion, pythonVersions } from "../../lib/gpu/compatibility.ts";
import { type CoolDown, coolDownWords, noCoolDown } from "../../lib/lock-making/cool-down.ts";
import { missingGitSources, nodeLockProblems } from "../../lib/lock-making/node-lock-problems.ts";
import { modelLockPath, parseModelLock } from "../../lib/locks/model-lock.ts";
import {
  formatNodeLock,
  joinNodeLocks,
  type NodeLock,
  nodeLockPath,
  parseNodeLock,
} from "../../lib/locks/node-lock.ts";
import { type LockName, lockPath } from "../../lib/plan/lock-inputs.ts";
import type { Recipe } from "../../lib/recipe/recipe.ts";
import { note, withProgress } from "../program/progress.ts";
import { checkPython } from "./check.ts";
import { findHeldBack } from "./held-back/find-held-back.ts";
import { lockNodes } from "./lock-nodes.ts";
import { lockPython } from "./lock-python.ts";
import { type LockKind, refreshModels, reportNodeMoves } from "./refresh.ts";
import { installUv } from "./uv.ts";
import { type LockFile, type LockSources, readLock } from "./write-locks.ts";

/** An external recipe, and strata, whose locks it builds on. */
export interface ExternalRecipe {
  readonly recipe: Recipe;
  /** What holds its file and its `locks/`. */
  readonly folder: string;
  readonly strata: string;
  /** Versions of Python that somebody asks locks for. */
  readonly pythons?: readonly PythonVersion[];
  /** How long what is taken has to have been out. @default not at all */
  readonly coolDown?: CoolDown;
  readonly tellHeldBack?: LockSources["tellHeldBack"];
}

/** The locks that lie beside an external recipe: all others are strata's. */
const externalKinds: readonly LockKind[] = ["nodes", "python", "models"];

/** The chosen locks, where an external recipe has them; `all` leaves out the others without an error. */
export function externalLockKinds(chosen: readonly LockKind[], all: boolean): readonly LockKind[] {
  const others = chosen.filter((kind) => !externalKinds.includes(kind));
  if (!all && others.length > 0) {
    throw new UserError(
      others.join(", "),
      "is strata's own, not a recipe's.",
      `Use: npm run lock -- --recipe … ${externalKinds.join(" ")}`,
    );
  }
  return externalKinds.filter((kind) => chosen.includes(kind));
}

/**
 * Makes the locks of an external recipe: commits of what strata's lock does not have, or has otherwise, and Python
 * packages in the versions of the recipe that it extends, where they fit.
 */
export async function refreshExternalLocks(
  chosen: readonly LockKind[],
  external: ExternalRecipe,
  mirrors: Readonly<Record<string, string>>,
  writeLine: (text: string) => void,
): Promise<LockFile[]> {
  const { recipe, folder, strata, pythons, coolDown = noCoolDown } = external;
  const files: LockFile[] = [];
  const base = readNodes(strata);
  let nodes = readNodes(folder);
  if (chosen.includes("nodes")) {
    const gitSources = missingGitSources(recipe, base);
    const fresh = await withProgress("Looking up git sources", (say) =>
      lockNodes(gitSources, mirrors, say, coolDown),
    );
    reportNodeMoves(nodes, fresh, writeLine);
    const isEmpty = gitSources.repositories.length + gitSources.packages.length === 0;
    if (!isEmpty || readLock(folder, nodeLockPath) !== "") {
      files.push({ path: nodeLockPath, text: formatNodeLock(fresh) });
    }
    nodes = fresh;
  }
  if (chosen.includes("python")) {
    const joined = joinNodeLocks(base, nodes);
    const locks = externalPythonLocks(external, pythons).map((name) => {
      const baseLock = recipe.extends ? readLock(strata, lockPath({ ...name, recipe: recipe.extends })) : "";
      return {
        root: folder,
        recipe,
        name,
        nodes: joined,
        prefer: baseLock || undefined,
        coolDown: coolDownWords(coolDown),
      };
    });
    const compile = await installUv(coolDown);
    const made = await lockPython(compile, locks, writeLine);
    files.push(...made);
    external.tellHeldBack?.(await findHeldBack(compile, locks, made, mirrors));
  }
  // What lies beside the recipe is all that strata does not know itself: mostly nothing.
  if (chosen.includes("models") && readLock(folder, modelLockPath) !== "") {
    files.push(await refreshModels({ root: folder, mirrors, coolDown }, writeLine));
  }
  return files;
}

/** Throws everything that does not fit between an external recipe and its locks. Asks nobody. */
export function checkExternalLocks(chosen: readonly LockKind[], external: ExternalRecipe): void {
  const { recipe, folder, strata } = external;
  const nodes = readNodes(folder);
  const joined = joinNodeLocks(readNodes(strata), nodes);
  if (chosen.includes("nodes")) throwAll(nodeLockPath, nodeLockProblems([recipe], joined, nodes));
  const models = readLock(folder, modelLockPath);
  if (chosen.includes("models") && models !== "") parseModelLock(models);
  if (chosen.includes("python")) checkPython(folder, recipe, joined, externalPythonLocks(external));
  note(`The locks of ${recipe.name} fit their inputs: ${chosen.join(", ")}.`);
}

/** The lock for the recipe's own defaults, those that are asked for, and those that are there already. */
export function externalPythonLocks(
  { recipe, folder }: Pick<ExternalRecipe, "recipe" | "folder">,
  asked: readonly PythonVersion[] = [],
): LockName[] {
  const defaults = completeDefaults(recipe);
  return pythonVersions.flatMap((python) =>
    cudaVersions
      .map((cuda) => ({ recipe: recipe.name, python, cuda }))
      .filter(
        (name) =>
          (python === defaults.python && name.cuda === defaults.cuda) ||
          asked.includes(python) ||
          readLock(folder, lockPath(name)) !== "",
      ),
  );
}

function readNodes(root: string): NodeLock {
  const text = readLock(root, nodeLockPath);
  return text === "" ? { repositories: {}, packages: {} } : parseNodeLock(text);
}
