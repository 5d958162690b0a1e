import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { throwAll, UserError } from "../errors.ts";
import { type AptLock, aptLockOf, aptLockPath, localPackagesSchema } from "../lib/locks/apt-lock.ts";
import {
  type BaseImage,
  baseImageNamed,
  type ImageLock,
  parseImageLock,
  parseLocalImages,
} from "../lib/locks/image-lock.ts";
import { parseLockFile } from "../lib/locks/lock-file.ts";
import { missingWheelProblems } from "../lib/locks/missing-wheels.ts";
import { joinModelLocks, type ModelLock, modelLockPath, parseModelLock } from "../lib/locks/model-lock.ts";
import { joinNodeLocks, type NodeLock, nodeLockPath, parseNodeLock } from "../lib/locks/node-lock.ts";
import { parsePythonLock } from "../lib/locks/python-lock.ts";
import { parseSourceLock, type SourceLock } from "../lib/locks/source-lock.ts";
import { noModels } from "../lib/models/models-setting.ts";
import { parseRecipeModels, recipeModelsPath } from "../lib/models/recipe-list.ts";
import { type ResolvedModels, resolveModels } from "../lib/models/resolve-models.ts";
import type { Choices } from "../lib/plan/context.ts";
import {
  type LockedRecipe,
  type LockName,
  lockInputs,
  lockPath,
  lockProblem,
  ownEnvironments,
} from "../lib/plan/lock-inputs.ts";
import type { LockedPackages } from "../lib/plan/packages.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";
import { limitsKind } from "../lib/registry/limits.ts";

export interface StackFolders {
  /** The repository. */
  readonly root: string;
  /** References of base images that were made on this machine, by name; the file may be absent. */
  readonly localImages: string;
  /** What they were made of; the file may be absent. @default there is none */
  readonly localPackages?: string;
}

/** What all recipes share, and the commits that only this recipe pins. */
export interface StackLocks {
  readonly base: BaseImage;
  readonly bases: ImageLock;
  readonly apt?: AptLock;
  readonly nodes: NodeLock;
  readonly sources: SourceLock;
}

/** Reads the locks that are no recipe's own. @param folder where the recipe's own locks are, the repository or another */
export function readLocks(base: string, folders: StackFolders, folder: string): StackLocks {
  const { root, localImages } = folders;
  const bases = parseImageLock(read(root, "locks/images.json"));
  const apt = readAptLock(base, folders);
  const local = existsSync(localImages)
    ? parseLocalImages(readFileSync(localImages, "utf8"), localImages)
    : {};
  return {
    base: baseImageNamed(base, bases, local),
    bases,
    ...(apt ? { apt } : {}),
    nodes: readNodeLock(root, folder),
    sources: parseSourceLock(read(root, "locks/sources.json")),
  };
}

function readAptLock(base: string, { root, localPackages = "" }: StackFolders): AptLock | undefined {
  const path = aptLockPath(base);
  const committed = existsSync(join(root, path)) ? read(root, path) : "";
  const local = existsSync(localPackages)
    ? parseLockFile(localPackagesSchema, readFileSync(localPackages, "utf8"), localPackages, "Remove it.")
    : {};
  return aptLockOf(base, committed, local);
}

/** strata's own commits, and those that lie beside an external recipe. */
function readNodeLock(root: string, folder: string): NodeLock {
  const base = parseNodeLock(read(root, nodeLockPath));
  const externalPath = join(folder, nodeLockPath);
  if (folder === root || !existsSync(externalPath)) return base;
  return joinNodeLocks(base, parseNodeLock(readFileSync(externalPath, "utf8"), externalPath));
}

/** The Python lock of a stack, as long as it fits what it was made from, lacks nothing and nobody edited it. */
export function readPythonLock(
  folder: string,
  name: LockName,
  recipe: LockedRecipe,
  nodes: NodeLock,
): LockedPackages {
  const path = lockPath(name);
  if (!existsSync(join(folder, path))) {
    throw new UserError(
      path,
      "does not exist.",
      `Ask for it, \`npm run lock -- python --with-python ${name.python}\`, or choose another Python or CUDA.`,
    );
  }
  const text = read(folder, path);
  const problem = lockProblem(name, recipe, lockInputs(recipe, name, nodes), text);
  if (problem) throw problem;
  throwAll(path, missingWheelProblems(text, path));
  return { path, distributions: parsePythonLock(text, path) };
}

/** The locks of layers with an environment of their own: beside the recipe, or strata's. By the layer's name. */
export function readEnvironmentLocks(
  folders: readonly string[],
  python: LockName["python"],
  recipe: Recipe,
  nodes: NodeLock,
): ReadonlyMap<string, LockedPackages> {
  return new Map(
    ownEnvironments([recipe]).map((environment) => {
      const name = { recipe: environment.name, python };
      const folder = folders.find((each) => existsSync(join(each, lockPath(name)))) ?? folders[0] ?? "";
      return [environment.name, readPythonLock(folder, name, environment, nodes)];
    }),
  );
}

/** The models of a stack: those of the recipe's list and of its own, as far as it wants any. */
export function readModels(
  root: string,
  folder: string,
  choices: Pick<Choices, "models" | "registry" | "copies" | "mirrors">,
  recipe: Recipe,
): ResolvedModels | undefined {
  const { models = noModels, registry, copies = [], mirrors } = choices;
  // What nobody asks for need not be in order.
  if (models.strategy === "none") return undefined;
  const path = recipeModelsPath(recipe.name);
  const list = existsSync(join(folder, path)) ? parseRecipeModels(read(folder, path), path) : undefined;
  // Pictures that ComfyUI saved hold workflows too, in a form that none takes back.
  const workflows = (list?.workflows ?? []).filter((file) => file.endsWith(".json"));
  return resolveModels(models, {
    recipe,
    required: list?.models,
    workflows: Object.fromEntries(workflows.map((file) => [basename(file), read(folder, file)])),
    lock: readModelLock(root, folder),
    registry: registry ? limitsKind(registry) : "oci",
    copies: copies.map(limitsKind),
    mirrors,
  });
}

/** What a stack is locked to: each lock that it reads, by its path, and the hash of its text. */
export function lockHashes(root: string, folder: string, pythonLock: string): Record<string, string> {
  const shared = ["locks/images.json", nodeLockPath, "locks/sources.json", modelLockPath];
  const own = folder === root ? [pythonLock] : [pythonLock, nodeLockPath, modelLockPath];
  const hash = (base: string, path: string) => createHash("sha256").update(read(base, path)).digest("hex");
  return {
    ...Object.fromEntries(shared.map((path) => [path, hash(root, path)])),
    ...Object.fromEntries(
      own
        .filter((path) => existsSync(join(folder, path)))
        .map((path) => [folder === root ? path : `beside the recipe: ${path}`, hash(folder, path)]),
    ),
  };
}

/** strata's own models, and those that lie beside an external recipe. */
function readModelLock(root: string, folder: string): ModelLock {
  const base = parseModelLock(read(root, modelLockPath));
  const externalPath = join(folder, modelLockPath);
  if (folder === root || !existsSync(externalPath)) return base;
  return joinModelLocks(base, parseModelLock(readFileSync(externalPath, "utf8"), externalPath));
}

function read(folder: string, path: string): string {
  return readFileSync(join(folder, path), "utf8");
}
