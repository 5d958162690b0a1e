import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { throwAll, UserError } from "../../errors.ts";
import {
  closure,
  type Distribution,
  formatRequirements,
  namesInLock,
  normaliseName,
  type PythonLock,
  pinOf,
  splitLock,
  withGitPackages,
} from "../locks/python-lock.ts";
import { withKernels } from "../recipe/kernels.ts";
import type { Layer, LayerContext, LayerRole } from "../recipe/layer.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { sourceWheel, wheelStage } from "../recipe/source-wheel.ts";
import { type ContextFile, readContextFile, readFolder } from "./context-files.ts";
import { fileInput, type StageInputs, stageKey } from "./key.ts";
import { type ProductLabels, productDockerfile } from "./product.ts";

/** A layer used in an image: all that its build gets, and the key that stands for it. */
export interface Stage {
  readonly name: string;
  readonly summary: string;
  readonly role: LayerRole | "product";
  /** See `Layer`. */
  readonly bulk?: boolean;
  readonly cachesSteps?: boolean;
  /** Names of the stages whose images are its named contexts; the product's bulk ones are joined to it afterwards. */
  readonly parents: readonly string[];
  readonly args: Readonly<Record<string, string>>;
  /** Dockerfile included, sorted by path. */
  readonly files: readonly ContextFile[];
  readonly inputs: StageInputs;
  readonly key: string;
  /**
   * The key without the parents: names the build cache. A parent that was rebuilt and came out equal leaves it as it
   * is, so the cache is found; another generation's variant has another one, so they do not overwrite each other.
   * Where steps are cached it is the recipe alone, so that the cache is found after a change too.
   */
  readonly cacheKey: string;
}

/** A recipe as a graph of stages, parents before children; the product is what they are put together to. */
export interface Plan {
  readonly recipe: string;
  readonly generation: string;
  readonly stages: readonly Stage[];
  readonly product: Stage;
  /** Variables that the product runs with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ports that the product listens on. */
  readonly ports: readonly number[];
}

export interface PlanSources {
  /** The folder `layers/`. */
  readonly layersFolder: string;
  /** The recipe's file, as people know it. @default its file in `recipes/` */
  readonly file?: string;
  readonly lock: { readonly path: string; readonly distributions: PythonLock };
  readonly labels: ProductLabels;
}

/**
 * Seconds since 1970 that every file of every stage gets as its time: 1980-01-01, the earliest that zip can
 * write. A constant, because a stage must not change when only the time of a commit does.
 */
export const stageEpoch = "315532800";

/** Turns a recipe into its plan. Reads layer files, nothing else; throws all mistakes together. */
export function planRecipe(recipe: Recipe, context: LayerContext, sources: PlanSources): Plan {
  const included = recipe.layers.filter((layer) => layer.included?.(context) ?? true);
  const chosen = [...recipe.buildLayers, ...included];
  const lock = { ...sources.lock, distributions: fullLock(recipe, context, sources.lock) };
  const distributions = splitLock(
    lock.distributions,
    included.map((layer) => {
      const { image = [], remaining = [] } = layer.python?.(context) ?? {};
      const names = (lines: readonly string[]) => namesInLock(lines, lock.distributions, aliasesOf(recipe));
      return { layer: layer.name, requirements: names(image), remaining: names(remaining) };
    }),
    lock.path,
  );
  const inImage = [...distributions.values()].flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  const wheels = inImage.filter(({ fromSource }) => fromSource);
  const layers = [...chosen, ...wheels.map((wheel) => sourceWheel(wheel))];
  throwAll(fileOf(recipe, sources), [
    ...duplicateLayers(layers),
    ...layers
      .filter(({ name }) => name === recipe.name)
      .map(
        ({ name }) =>
          new UserError(
            name,
            "is the name of a recipe and of a layer.",
            "Tags tell them apart by name: rename one.",
          ),
      ),
    ...unknownParents(layers, context),
    ...missingFiles(layers, sources.layersFolder),
    ...sharedPaths(included, context),
  ]);

  const keys = new Map<string, string>();
  const built = (layer: Layer): Layer => ({
    ...layer,
    parents: () => [
      ...layer.parents(context),
      ...(distributions.get(layer.name) ?? [])
        .filter(({ fromSource }) => fromSource)
        .map(({ name }) => wheelStage(name)),
    ],
  });
  const stages = parentsFirst(layers.map(built), context).map((layer) => {
    const installed = distributions.get(layer.name) ?? [];
    const stage = planStage(layer, { recipe, context, ...sources, lock, inImage }, installed, keys);
    keys.set(stage.name, stage.key);
    return stage;
  });
  const product = planProduct({ ...recipe, layers: included }, context, sources, keys);
  const { environment, ports } = recipe.runtime(context);
  return { recipe: recipe.name, generation: context.generation.name, stages, product, environment, ports };
}

function fileOf({ name }: Recipe, { file }: PlanSources): string {
  return file ?? `recipes/${name}.ts`;
}

/** The lock, with the packages that are only in git and the kernels that the stack brings. */
function fullLock(
  recipe: Recipe,
  context: LayerContext,
  { distributions, path }: PlanSources["lock"],
): PythonLock {
  const packages = Object.entries(recipe.resolution?.gitPackages ?? {}).map(([name, { requires }]) => [
    name,
    { requires, version: context.gitPackages[normaliseName(name)]?.version ?? "" },
  ]);
  const joined = withGitPackages(distributions, Object.fromEntries(packages), aliasesOf(recipe));
  return withKernels(joined, context, path);
}

function aliasesOf(recipe: Recipe): NonNullable<NonNullable<Recipe["resolution"]>["aliases"]> {
  return recipe.resolution?.aliases ?? {};
}

function planStage(
  layer: Layer,
  sources: PlanSources & {
    readonly recipe: Recipe;
    readonly context: LayerContext;
    readonly inImage: readonly Distribution[];
  },
  installed: readonly Distribution[],
  keys: ReadonlyMap<string, string>,
): Stage {
  const { lock, layersFolder, recipe, context } = sources;
  const parents = layer.parents(context);
  const { image, remaining, build = [] } = layer.python?.(context) ?? {};
  const buildNames = namesInLock(build, lock.distributions, aliasesOf(recipe));
  const needed = closure(lock.distributions, buildNames, lock.path);
  const buildOnly = [...lock.distributions.values()].filter(({ name }) => needed.has(name));

  const args = { SOURCE_DATE_EPOCH: stageEpoch, ...layer.args?.(context) };
  const { path: ownFolder, shown } = folderOf(layer, layersFolder);
  const folder = existsSync(ownFolder)
    ? readFolder(ownFolder, shown).filter(({ path }) => !(layer.dockerfile && path === "Dockerfile"))
    : [];
  const borrowed = (file: string, path: string): ContextFile =>
    readContextFile(join(layersFolder, file), `layers/${file}`, path);
  const shared = (layer.shared ?? []).map((file) => borrowed(file, basename(file)));
  const generated = Object.entries({
    ...(layer.dockerfile ? { Dockerfile: layer.dockerfile(parents, context) } : {}),
    ...layer.generated?.(context),
    ...layer.listed?.(
      [...sources.inImage, ...aliasDistributions(sources.inImage, aliasesOf(recipe))],
      context,
    ),
  }).map(([path, text]) => generatedFile(path, text, `${shown}/layer.ts (${path})`));
  const aliases = formatAliases(installed, aliasesOf(recipe));
  const listed = [
    ...folder,
    ...shared,
    ...generated,
    ...(aliases === "" ? [] : [generatedFile("aliases.txt", aliases)]),
  ];
  const isFile = ({ fromSource, pinned }: Distribution) => fromSource || pinned === true;
  const wheels = installed.filter((entry) => !isFile(entry));
  const built = installed.filter(isFile);
  const requirements = [
    // Also where earlier layers have everything already: what installs reads it.
    ...(image || remaining ? [generatedFile("requirements.txt", formatRequirements(wheels))] : []),
    ...(built.length > 0
      ? [generatedFile("built-requirements.txt", built.map(({ name }) => `${name}\n`).join(""))]
      : []),
    ...(buildOnly.length > 0 ? [generatedFile("build-requirements.txt", formatRequirements(buildOnly))] : []),
  ];

  const own = {
    ...Object.fromEntries(listed.map(fileInput)),
    ...prefixed("argument", args),
    ...prefixed("package", Object.fromEntries(installed.map((entry) => [entry.name, pinOf(entry)]))),
    ...prefixed("build package", Object.fromEntries(buildOnly.map((entry) => [entry.name, pinOf(entry)]))),
    ...prefixed("pin", layer.pins?.(context) ?? {}),
  };
  const bulk = layer.bulk ?? false;
  const inputs = bulk ? own : { ...own, ...parentInputs(parents, keys) };
  return {
    name: layer.name,
    summary: layer.summary,
    role: layer.role ?? "stage",
    bulk,
    cachesSteps: layer.cachesSteps ?? false,
    parents,
    args,
    files: [...listed, ...requirements].sort((a, b) => (a.path < b.path ? -1 : 1)),
    inputs,
    key: stageKey(layer.name, inputs),
    cacheKey: stageKey(layer.name, layer.cachesSteps ? { recipe: recipe.name } : own),
  };
}

function planProduct(
  recipe: Recipe,
  context: LayerContext,
  sources: PlanSources,
  keys: ReadonlyMap<string, string>,
): Stage {
  const parents = recipe.layers.map((layer) => layer.name);
  const dockerfile = generatedFile(
    "Dockerfile",
    productDockerfile(recipe, context, sources.labels),
    `${fileOf(recipe, sources)} (image configuration)`,
  );
  const own = Object.fromEntries([fileInput(dockerfile)]);
  const inputs = { ...own, ...parentInputs(parents, keys) };
  return {
    name: recipe.name,
    summary: recipe.summary,
    role: "product",
    parents,
    args: { SOURCE_DATE_EPOCH: stageEpoch },
    files: [dockerfile],
    inputs,
    key: stageKey(recipe.name, inputs),
    // Its Dockerfile holds the revision; what it copies is found in the cache all the same.
    cacheKey: stageKey(recipe.name, { generation: context.generation.name }),
  };
}

function parentInputs(parents: readonly string[], keys: ReadonlyMap<string, string>): Record<string, string> {
  return prefixed("parent", Object.fromEntries(parents.map((parent) => [parent, keys.get(parent) ?? ""])));
}

/** The aliases whose target is installed, each with its target's version. */
function aliasDistributions(
  installed: readonly Distribution[],
  aliases: ReturnType<typeof aliasesOf>,
): { name: string; version: string; target: string }[] {
  return Object.entries(aliases).flatMap(([alias, { of }]) =>
    installed
      .filter(({ name }) => name === normaliseName(of))
      .map(({ name, version }) => ({ name: normaliseName(alias), version, target: name })),
  );
}

/** `name version target` a line. */
function formatAliases(installed: readonly Distribution[], aliases: ReturnType<typeof aliasesOf>): string {
  return aliasDistributions(installed, aliases)
    .map(({ name, version, target }) => `${name} ${version} ${target}\n`)
    .join("");
}

function generatedFile(path: string, text: string, source = path): ContextFile {
  return { path, source, executable: false, content: Buffer.from(text) };
}

function prefixed(kind: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${kind}:${name}`, value]));
}

/** Orders layers so that parents come first, and among equals as the recipe lists them. */
function parentsFirst(layers: readonly Layer[], context: LayerContext): Layer[] {
  const ordered: Layer[] = [];
  const visit = (layer: Layer, trail: readonly string[]): void => {
    if (ordered.includes(layer)) return;
    if (trail.includes(layer.name)) {
      const cycle = [...trail.slice(trail.indexOf(layer.name)), layer.name].join(" → ");
      throw new UserError(`layers/${layer.name}/layer.ts`, `parents form a cycle: ${cycle}.`, "Remove one.");
    }
    for (const parent of layer.parents(context)) {
      const found = layers.find(({ name }) => name === parent);
      if (found) visit(found, [...trail, layer.name]);
    }
    ordered.push(layer);
  };
  for (const layer of layers) visit(layer, []);
  return ordered;
}

function duplicateLayers(layers: readonly Layer[]): UserError[] {
  const names = layers.map((layer) => layer.name);
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))].map(
    (name) => new UserError(name, "is listed twice.", "A layer is in a recipe once: remove one entry."),
  );
}

function unknownParents(layers: readonly Layer[], context: LayerContext): UserError[] {
  const names = layers.map((layer) => layer.name);
  return layers.flatMap((layer) =>
    layer
      .parents(context)
      .filter((parent) => !names.includes(parent))
      .map(
        (parent) =>
          new UserError(
            `layers/${layer.name}/layer.ts`,
            `needs the layer "${parent}", which the recipe does not have.`,
            `Add it to the recipe; it has ${names.join(", ")}.`,
          ),
      ),
  );
}

function missingFiles(layers: readonly Layer[], layersFolder: string): UserError[] {
  return layers.flatMap((layer) =>
    [
      ...(layer.dockerfile ? [] : [folderOf(layer, layersFolder)].map(inFolder("Dockerfile"))),
      ...(layer.shared ?? []).map((file) => ({ path: join(layersFolder, file), shown: `layers/${file}` })),
    ]
      .filter(({ path }) => !existsSync(path))
      .map(
        ({ shown }) =>
          new UserError(shown, `does not exist, but layer "${layer.name}" needs it.`, "Create it."),
      ),
  );
}

/** A file or folder, and how it is called to people and in keys: without what only this machine has. */
interface Place {
  readonly path: string;
  readonly shown: string;
}

/** Where a layer's own files are. */
function folderOf({ name, folder = name, root }: Layer, layersFolder: string): Place {
  return { path: join(root ?? layersFolder, folder), shown: root ? folder : `layers/${folder}` };
}

function inFolder(file: string): (folder: Place) => Place {
  return ({ path, shown }) => ({ path: join(path, file), shown: `${shown}/${file}` });
}

/** Two layers that both want to own a folder, or one inside the other's. */
function sharedPaths(layers: readonly Layer[], context: LayerContext): UserError[] {
  const owned = layers.flatMap((layer) => (layer.owns?.(context) ?? []).map((path) => ({ layer, path })));
  return owned.flatMap((a, index) =>
    owned
      .slice(index + 1)
      .filter((b) => a.layer !== b.layer && (within(a.path, b.path) || within(b.path, a.path)))
      .map(
        (b) =>
          new UserError(
            `layers/${b.layer.name}/layer.ts`,
            `owns ${b.path}, but layer "${a.layer.name}" owns ${a.path}.`,
            "A path belongs to one layer: give one of them another folder.",
          ),
      ),
  );
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
