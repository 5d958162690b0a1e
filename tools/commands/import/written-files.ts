import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { repository } from "../../../home.ts";
import { gitRepositoryName } from "../../../lib/comfyui/custom-nodes.ts";
import type { FoundWorkflow } from "../../../lib/import/inventory.ts";
import type { MatchedModels } from "../../../lib/import/match-models.ts";
import { recipeText, stackText } from "../../../lib/import/recipe-text.ts";
import {
  formatModelLock,
  joinModelLocks,
  type ModelLock,
  modelLockPath,
  modelPath,
} from "../../../lib/locks/model-lock.ts";
import type { NodeLock } from "../../../lib/locks/node-lock.ts";
import { formatRecipeModels, recipeModelsPath } from "../../../lib/models/recipe-list.ts";
import type { LockFile } from "../../lock/write-locks.ts";
import type { ImportReport } from "./import-report.ts";
import type { MadeLocks } from "./lock-recipe.ts";
import type { MadeRecipe } from "./make-recipe.ts";

/** Where an import goes; paths are absolute. */
export interface Target {
  readonly name: string;
  readonly folder: string;
  readonly recipe: string;
  readonly stack: string;
  /** strata, as the recipe's file imports it. */
  readonly strata: string;
}

interface Parts {
  readonly made: MadeRecipe;
  readonly models: MatchedModels;
  readonly locks: MadeLocks;
}

/** Every file that an import writes, by its absolute path. */
export function recipeFiles(
  target: Target,
  {
    made,
    models,
    locks,
    workflows,
    from,
  }: Parts & { readonly workflows: readonly FoundWorkflow[]; readonly from: string },
): LockFile[] {
  const { name, folder, recipe, stack, strata } = target;
  const kept = workflows.map(({ name: file, text }, index) => ({
    path: `workflows/${safeName(file, index, workflows)}`,
    text,
  }));
  const list = { workflows: kept.map(({ path }) => path).sort(), models: [...models.paths] };
  const hasOwn = models.own.models.length + models.own.incomplete.length > 0;
  const project = join(folder, "package.json");
  const below = [
    { path: "recipe.ts", text: recipeText(made.imported, from, `${strata}/recipes/`) },
    ...locks.files,
    ...kept,
    ...(models.paths.length + kept.length > 0
      ? [{ path: recipeModelsPath(name), text: formatRecipeModels(list) }]
      : []),
    ...(hasOwn ? [{ path: modelLockPath, text: formatModelLock(models.own) }] : []),
  ];
  return [
    ...below.map(({ path, text }) => ({ path: join(folder, path), text })),
    // One's own may say more.
    ...(existsSync(project)
      ? []
      : [{ path: project, text: '{\n  "type": "module",\n  "private": true\n}\n' }]),
    { path: stack, text: stackText(relative(repository, recipe), models.paths.length) },
  ];
}

/** A workflow's file keeps its name where it is one that a path may have. */
function safeName(name: string, index: number, all: readonly FoundWorkflow[]): string {
  const plain = name.replace(/[^\w.-]+/g, "-").replace(/^[.-]+/, "");
  const isTaken = all.findIndex((each) => each.name === name) !== index;
  return `${isTaken ? `${index + 1}-` : ""}${plain.replace(/\.json$/, "") || "workflow"}.json`;
}

/** What an import did, for people and programs. */
export function importReport(
  target: Target,
  {
    made,
    models,
    locks,
    strata,
    catalogue,
  }: Parts & { readonly strata: NodeLock; readonly catalogue: ModelLock },
): ImportReport {
  const here = (path: string) => relative(process.cwd(), path) || ".";
  const recipe = relative(repository, target.recipe);
  const isLocked = locks.told.every((each) => each.made);
  const source = made.recipe.comfyui?.source;
  const main = source && gitRepositoryName(source.repository);
  const commit = (main && (made.lock?.repositories[main] ?? strata.repositories[main])) || undefined;
  return {
    version: 1,
    name: target.name,
    recipe: here(target.recipe),
    stack: here(target.stack),
    comfyui: {
      repository: source?.repository ?? "",
      commit: commit?.ref === source?.ref ? (commit?.commit ?? null) : null,
    },
    nodes: made.nodes.map(({ written: { node }, checkout, how }) => ({
      name: gitRepositoryName(node.repository),
      repository: node.repository,
      commit: checkout?.commit ?? null,
      disabled: node.disabled !== undefined,
      how,
    })),
    packages: { ...locks.packages },
    models: { listed: models.paths.length, incomplete: incomplete(models, catalogue) },
    locks: [...locks.told],
    left: [...made.left, ...models.left].map((each) => ({ ...each })),
    next: [
      ...(isLocked ? [] : [`npm run lock -- --recipe ${recipe}`]),
      ...(isLocked && models.own.incomplete.length > 0 ? [`npm run lock -- --recipe ${recipe} models`] : []),
      `make preview STACK=${target.name}`,
    ],
  };
}

/** Paths of the list that nobody can build with yet. */
function incomplete({ paths, own }: MatchedModels, catalogue: ModelLock): number {
  const open = new Set(joinModelLocks(catalogue, own).incomplete.map(modelPath));
  return paths.filter((path) => open.has(path)).length;
}
