import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { mapErrors, throwAll, together, UserError } from "../errors.ts";
import { sourceWheel } from "../layers/source-wheel/layer.ts";
import { baseImageNamed, parseImageLock, parseLocalImages } from "../lib/locks/image-lock.ts";
import { missingWheelProblems } from "../lib/locks/missing-wheels.ts";
import { modelLockPath, parseModelLock } from "../lib/locks/model-lock.ts";
import { joinNodeLocks, type NodeLock, nodeLockPath, parseNodeLock } from "../lib/locks/node-lock.ts";
import { parsePythonLock } from "../lib/locks/python-lock.ts";
import { parseSourceLock } from "../lib/locks/source-lock.ts";
import { noModels } from "../lib/models/models-setting.ts";
import { parseRecipeModels, recipeModelsPath } from "../lib/models/recipe-list.ts";
import { type ResolvedModels, resolveModels } from "../lib/models/resolve-models.ts";
import { type BaseImage, type Choices, layerContext } from "../lib/plan/context.ts";
import { readFolder } from "../lib/plan/context-files.ts";
import { fileInput } from "../lib/plan/key.ts";
import { type LockName, lockInputs, lockPath, lockProblem } from "../lib/plan/lock-inputs.ts";
import type { LockedPackages } from "../lib/plan/packages.ts";
import { type Plan, planRecipe } from "../lib/plan/plan.ts";
import type { ProductLabels } from "../lib/plan/product.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";
import { limitsKind } from "../lib/registry/limits.ts";
import type { SelectedRecipe } from "./index.ts";
import { withModels } from "./with-models.ts";

export interface StackPlan {
  readonly plan: Plan;
  readonly base: BaseImage;
  /** Hash over the smoke checks: a digest that passed other checks is tested again. */
  readonly checks: string;
}

export interface StackFolders {
  /** The repository. */
  readonly root: string;
  /** References of base images that were made on this machine, by name; the file may be absent. */
  readonly localImages: string;
}

/** From a stack's choices to its plan: reads the locks, the layers' files and the checks; throws what does not fit. */
export function planStack(
  choices: Choices & { readonly base: string; readonly selected: SelectedRecipe },
  labels: ProductLabels,
  folders: StackFolders,
): StackPlan {
  try {
    return plan(choices, labels, folders);
  } catch (error) {
    if (choices.selected.folder === undefined || !(error instanceof UserError)) throw error;
    throw namingFile(error, choices.recipe);
  }
}

function plan(
  choices: Parameters<typeof planStack>[0],
  labels: ProductLabels,
  { root, localImages }: StackFolders,
): StackPlan {
  const { recipe, folder: own } = choices.selected;
  const folder = own ?? root;
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  const bases = parseImageLock(read("locks/images.json"));
  const base = baseImageNamed(
    choices.base,
    bases,
    existsSync(localImages) ? parseLocalImages(readFileSync(localImages, "utf8"), localImages) : {},
  );
  const named = { ...choices, recipe: recipe.name };
  const nodes = readNodeLock(root, folder);
  const sources = parseSourceLock(read("locks/sources.json"));
  const [context, lock, models] = together("Pulumi stack", [
    () => layerContext(named, { recipe, base, bases, sources, nodes }),
    () => readPythonLock(folder, named, recipe, nodes),
    () => readModels(root, folder, choices, recipe),
  ]);
  const file = own === undefined ? `recipes/${recipe.name}.ts` : basename(choices.recipe);
  const planned = planRecipe(withModels(recipe, models), models ? { ...context, models } : context, {
    layersFolder: join(root, "layers"),
    file,
    lock,
    labels,
    sourceWheel,
  });
  const checks = readFolder(join(root, "smoke"), "smoke").filter(
    ({ path: file }) => !file.startsWith("tests/"),
  );
  const hash = createHash("sha256")
    .update(JSON.stringify(checks.map(fileInput)))
    .digest("hex");
  return { plan: planned, base, checks: hash.slice(0, 20) };
}

/** The locks of a recipe of one's own are made by naming its file. */
function namingFile(error: UserError, file: string): UserError {
  return mapErrors(error, ({ path, problem, remedy }) => {
    const own = remedy.replace("npm run lock -- ", `npm run lock -- --recipe ${file} `);
    return new UserError(path, problem, own);
  });
}

/** strata's own commits, and those that lie beside a recipe of one's own. */
export function readNodeLock(root: string, folder: string): NodeLock {
  const base = parseNodeLock(readFileSync(join(root, nodeLockPath), "utf8"));
  const own = join(folder, nodeLockPath);
  if (folder === root || !existsSync(own)) return base;
  return joinNodeLocks(base, parseNodeLock(readFileSync(own, "utf8"), own));
}

/** The models of a stack: those of the recipe's list and of its own, as far as it wants any. */
function readModels(
  root: string,
  folder: string,
  choices: Choices,
  recipe: Recipe,
): ResolvedModels | undefined {
  const { models = noModels, registry, copies = [], mirrors } = choices;
  // What nobody asks for need not be in order.
  if (models.strategy === "none") return undefined;
  const path = recipeModelsPath(recipe.name);
  const own = join(folder, path);
  const list = existsSync(own) ? parseRecipeModels(readFileSync(own, "utf8"), path) : undefined;
  // Pictures that ComfyUI saved hold workflows too, in a form that none takes back.
  const workflows = (list?.workflows ?? []).filter((file) => file.endsWith(".json"));
  return resolveModels(models, {
    recipe,
    required: list?.models,
    workflows: Object.fromEntries(
      workflows.map((file) => [basename(file), readFileSync(join(folder, file), "utf8")]),
    ),
    lock: parseModelLock(readFileSync(join(root, modelLockPath), "utf8")),
    registry: registry ? limitsKind(registry) : "oci",
    copies: copies.map(limitsKind),
    mirrors,
  });
}

/** The Python lock of a stack, as long as it fits what it was made from, lacks nothing and nobody edited it. */
function readPythonLock(root: string, name: LockName, recipe: Recipe, nodes: NodeLock): LockedPackages {
  const path = lockPath(name);
  if (!existsSync(join(root, path))) {
    throw new UserError(
      path,
      "does not exist.",
      "Run `npm run lock -- python`, or choose another Python or CUDA.",
    );
  }
  const text = readFileSync(join(root, path), "utf8");
  const problem = lockProblem(name, recipe, lockInputs(recipe, name, nodes), text);
  if (problem) throw problem;
  throwAll(path, missingWheelProblems(text, path));
  return { path, distributions: parsePythonLock(text, path) };
}
