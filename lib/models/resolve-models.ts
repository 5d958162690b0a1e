import { throwAll, together, UserError } from "../../errors.ts";
import { apiWorkflow } from "../comfyui/workflow/format.ts";
import { type MemoryNeed, memoryNeed } from "../gpu/memory.ts";
import { type LockedModel, lockedModels, type ModelLock, modelPath } from "../locks/model-lock.ts";
import { mirrored } from "../mirrors.ts";
import type { RegistryKind } from "../registry/limits.ts";
import { didYouMean } from "../schema-errors.ts";
import type { ModelStrategy, ModelsSetting } from "./models-setting.ts";
import { type ModelLayer, packModels } from "./packing.ts";

/** The models of a stack, and what becomes of them. */
export interface ResolvedModels {
  readonly strategy: Exclude<ModelStrategy, "none">;
  /** Whether ComfyUI starts while they are still being fetched into a volume. */
  readonly background: boolean;
  /** By path; addresses with mirrors applied. */
  readonly models: readonly LockedModel[];
  /** The stages that they are built in; none where they are fetched into a volume. */
  readonly layers: readonly ModelLayer<LockedModel>[];
  /** The recipe's workflows in the API's format, by file name: what a test runs where their models are in the image. */
  readonly workflows?: Readonly<Record<string, string>>;
  /** What these workflows take when they are run. */
  readonly memory?: MemoryNeed;
}

export interface ModelSources {
  readonly recipe: { readonly name: string; readonly comfyui?: unknown };
  /** What its workflows need, by path in the lock; undefined for a recipe without a list. */
  readonly required: readonly string[] | undefined;
  /** Its workflows as they lie there, by file name. */
  readonly workflows?: Readonly<Record<string, string>>;
  readonly lock: ModelLock;
  /** Whose limits count for a layer. */
  readonly registry: RegistryKind;
  /** And those of the registries that a product is copied to. */
  readonly copies?: readonly RegistryKind[];
  readonly mirrors: Readonly<Record<string, string>>;
}

/**
 * What a stack's choice means for a recipe; undefined where it has no models. Throws for a model that is not locked in
 * full, and for one whose layer the registry would not take: both are seen in a preview.
 */
export function resolveModels(setting: ModelsSetting, sources: ModelSources): ResolvedModels | undefined {
  const { strategy, background, also } = setting;
  if (strategy === "none") return undefined;
  const { recipe, required = [], lock, registry, copies = [], mirrors } = sources;
  // What lies beside the product is not copied with it.
  const kinds = { registry, copies: strategy === "baked" ? copies : [] };
  throwAll("strata:models", strategyProblems(setting, sources));
  const all = [...new Set([...required, ...also])].sort();
  const { paths, problems } = chosen(all, setting.only);
  const locked = lock.models
    .filter((model) => paths.includes(modelPath(model)))
    .map((model) => ({ ...model, url: mirrored(model.url, mirrors) }));
  const [, , , layers] = together(`models of ${recipe.name}`, [
    () => throwAll("strata:models.only", problems),
    () => lockedModels(paths, lock),
    () => throwAll("locks/models.json", locked.flatMap(inTheWay)),
    () => (strategy === "volume" ? [] : packModels(locked, kinds)),
  ]);
  // A workflow whose models are not all there would fail.
  const canRun = strategy === "baked" && required.every((path) => paths.includes(path));
  const runnable = canRun ? inApiFormat(sources.workflows ?? {}) : {};
  const isRun = Object.keys(runnable).length > 0;
  const loaded = locked.filter((model) => required.includes(modelPath(model)));
  const memory = isRun && loaded.length > 0 ? { memory: memoryNeed(loaded.map(({ size }) => size)) } : {};
  return {
    strategy,
    background,
    models: locked,
    layers,
    ...(isRun ? { workflows: runnable } : {}),
    ...memory,
  };
}

/** The models that `only` names, by path or by name; all where it names none. */
function chosen(
  all: readonly string[],
  only: readonly string[],
): { paths: readonly string[]; problems: UserError[] } {
  if (only.length === 0) return { paths: all, problems: [] };
  const tests = only.map((pattern) => ({ pattern, test: patternTest(pattern) }));
  return {
    paths: all.filter((path) => tests.some(({ test }) => test(path))),
    problems: tests
      .filter(({ test }) => !all.some(test))
      .map(({ pattern }) => {
        const near = didYouMean(pattern, [...all, ...all.map(nameOf)]);
        return new UserError(
          "strata:models.only",
          `names "${pattern}", and no model of the stack is called so.`,
          near,
        );
      }),
  };
}

function patternTest(pattern: string): (path: string) => boolean {
  const plain = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const whole = new RegExp(`^${plain.join(".*")}$`);
  return (path) => whole.test(path) || whole.test(nameOf(path));
}

function nameOf(path: string): string {
  return path.split("/").at(-1) ?? path;
}

/** ComfyUI runs nothing else; what the editor keeps says less. */
function inApiFormat(workflows: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(workflows).filter(([, text]) => apiWorkflow.safeParse(JSON.parse(text)).success),
  );
}

function strategyProblems(
  { strategy, also }: ModelsSetting,
  { recipe, required }: ModelSources,
): UserError[] {
  const remedy = 'Set strata:models to {"strategy": "none"}.';
  if (recipe.comfyui === undefined) {
    return [new UserError("strata:models", `is "${strategy}", but ${recipe.name} has no ComfyUI.`, remedy)];
  }
  if (required === undefined && also.length === 0) {
    return [
      new UserError(
        "strata:models",
        `is "${strategy}", but nothing says which models ${recipe.name} needs.`,
        `Name some in strata:models.also, or write a list: npm run models -- <workflow> --write ${recipe.name}.`,
      ),
    ];
  }
  return [];
}

/** A node's own folder is a stage of the image: only files of its checkpoints can be added there, no code. */
function inTheWay(model: LockedModel): UserError[] {
  const [top, node] = model.folder.split("/");
  if (top !== "custom_nodes" || (node && model.folder !== `${top}/${node}`)) return [];
  return [
    new UserError(
      modelPath(model),
      "would lie among the files of a node.",
      "Give it a folder below the node's own, such as custom_nodes/<node>/ckpts.",
    ),
  ];
}
