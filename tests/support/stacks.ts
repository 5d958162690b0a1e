import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "../../config.ts";
import { repository } from "../../home.ts";
import { sourceWheel } from "../../layers/source-wheel/layer.ts";
import type { GenerationName } from "../../lib/gpu/generations.ts";
import type { AptLock } from "../../lib/locks/apt-lock.ts";
import { baseImageNamed, parseImageLock } from "../../lib/locks/image-lock.ts";
import { type NodeLock, nodeLockPath, parseNodeLock } from "../../lib/locks/node-lock.ts";
import { type Distribution, type PythonLock, parsePythonLock } from "../../lib/locks/python-lock.ts";
import { parseSourceLock } from "../../lib/locks/source-lock.ts";
import { layerContext } from "../../lib/plan/context.ts";
import { lockPath } from "../../lib/plan/lock-inputs.ts";
import { type Plan, planRecipe } from "../../lib/plan/plan.ts";
import type { LayerContext } from "../../lib/recipe/layer.ts";
import type { Recipe } from "../../lib/recipe/recipe.ts";
import { type RecipeName, recipes } from "../../recipes/index.ts";
import { readEnvironmentLocks } from "../../recipes/stack-locks.ts";
import { sampleLabels } from "./layers.ts";

const read = (path: string): string => readFileSync(join(repository, path), "utf8");
const nodeLock = parseNodeLock(read(nodeLockPath));
const sourceLock = parseSourceLock(read("locks/sources.json"));
const imageLock = parseImageLock(read("locks/images.json"));

/** A stack with everything else as it is by default. */
export interface SampleStack {
  readonly recipe: RecipeName;
  readonly generation?: GenerationName;
  /** Other locks than the committed ones, or an edited recipe. */
  readonly nodes?: NodeLock;
  readonly packages?: PythonLock;
  /** The distribution's packages. @default by their names alone */
  readonly apt?: AptLock;
  readonly edited?: Recipe;
}

/** The committed commits of ComfyUI, nodes and git packages. */
export function committedNodes(): NodeLock {
  return nodeLock;
}

/** The committed Python packages of a recipe, for the default Python and CUDA. */
export function committedPackages(recipe: RecipeName): PythonLock {
  const path = lockPath(configOf({ recipe }));
  return parsePythonLock(read(path), path);
}

/** The same lock with another version of some distributions. */
export function moved(lock: PythonLock, isMoved: (distribution: Distribution) => boolean): PythonLock {
  return new Map(
    [...lock].map(([name, distribution]) => [
      name,
      isMoved(distribution) ? { ...distribution, version: `${distribution.version}.9` } : distribution,
    ]),
  );
}

/** What the layers of a stack get to know. */
export function contextOf(stack: SampleStack): LayerContext {
  const config = configOf(stack);
  return layerContext(config, {
    recipe: stack.edited ?? recipes[stack.recipe],
    base: baseImageNamed(config.base, imageLock, {}),
    sources: sourceLock,
    nodes: stack.nodes ?? nodeLock,
    ...(stack.apt && { apt: stack.apt }),
  });
}

/** The plan of a stack, with the repository's own layers. */
export function planSampleStack(stack: SampleStack): Plan {
  const { recipe, packages, edited } = stack;
  return planRecipe(edited ?? recipes[recipe], contextOf(stack), {
    layersFolder: join(repository, "layers"),
    environments: environmentLocks(edited ?? recipes[recipe], configOf(stack).python),
    lock: { path: lockPath(configOf(stack)), distributions: packages ?? committedPackages(recipe) },
    labels: sampleLabels,
    sourceWheel,
  });
}

function environmentLocks(recipe: Recipe, python: LayerContext["python"]) {
  return readEnvironmentLocks([repository], python, recipe, nodeLock);
}

function configOf({ recipe, generation = "cpu" }: SampleStack) {
  return parseConfig({ "strata:recipe": recipe, "strata:generation": generation });
}
