import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { throwAll, UserError } from "../errors.ts";
import { type ContextFile, readContextFile, readFolder } from "./files.ts";
import { fileInput, type StageInputs, stageKey } from "./key.ts";
import type { Layer, LayerContext, LayerRole } from "./layer.ts";
import { type ProductLabels, productDockerfile } from "./product.ts";
import {
  closure,
  type Distribution,
  formatRequirements,
  type PythonLock,
  pinOf,
  requirementName,
  splitLock,
} from "./python-lock.ts";
import type { Recipe } from "./recipe.ts";

/** A layer used in an image: all that its build gets, and the key that stands for it. */
export interface Stage {
  readonly name: string;
  readonly summary: string;
  readonly role: LayerRole | "product";
  /** Names of the stages whose images are its named contexts. */
  readonly parents: readonly string[];
  readonly args: Readonly<Record<string, string>>;
  /** Dockerfile included, sorted by path. */
  readonly files: readonly ContextFile[];
  readonly inputs: StageInputs;
  readonly key: string;
  /**
   * The key without the parents: names the build cache. A parent that was rebuilt and came out equal leaves it as it
   * is, so the cache is found; another generation's variant has another one, so they do not overwrite each other.
   */
  readonly ownKey: string;
}

/** A recipe as a graph of stages, parents before children; the product is what they are put together to. */
export interface Plan {
  readonly recipe: string;
  readonly generation: string;
  readonly stages: readonly Stage[];
  readonly product: Stage;
}

export interface PlanSources {
  /** The folder `layers/`. */
  readonly layersFolder: string;
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
  const layers = [...recipe.buildLayers, ...recipe.layers];
  throwAll(`recipes/${recipe.name}.ts`, [
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
    ...sharedPaths(recipe.layers, context),
  ]);

  const distributions = splitLock(
    sources.lock.distributions,
    recipe.layers.map((layer) => ({
      layer: layer.name,
      requirements: layer.python?.(context).image ?? [],
    })),
    sources.lock.path,
  );

  const keys = new Map<string, string>();
  const stages = parentsFirst(layers, context).map((layer) => {
    const stage = planStage(layer, context, sources, distributions.get(layer.name) ?? [], keys);
    keys.set(stage.name, stage.key);
    return stage;
  });
  const product = planProduct(recipe, context, sources.labels, keys);
  return { recipe: recipe.name, generation: context.generation.name, stages, product };
}

function planStage(
  layer: Layer,
  context: LayerContext,
  sources: PlanSources,
  installed: readonly Distribution[],
  keys: ReadonlyMap<string, string>,
): Stage {
  const { lock, layersFolder } = sources;
  const buildNames = (layer.python?.(context).build ?? []).map(requirementName);
  const needed = closure(lock.distributions, buildNames, lock.path);
  const buildOnly = [...lock.distributions.values()].filter(({ name }) => needed.has(name));

  const args = { SOURCE_DATE_EPOCH: stageEpoch, ...layer.args?.(context) };
  const folder = readFolder(join(layersFolder, layer.name), `layers/${layer.name}`);
  const borrowed = (file: string, path: string): ContextFile =>
    readContextFile(join(layersFolder, file), `layers/${file}`, path);
  const shared = (layer.shared ?? []).map((file) => borrowed(file, basename(file)));
  const dockerfile = layer.dockerfile ? [borrowed(layer.dockerfile, "Dockerfile")] : [];
  const generated = Object.entries(layer.generated?.(context) ?? {}).map(([path, text]) =>
    generatedFile(path, text, `layers/${layer.name}/layer.ts (${path})`),
  );
  const listed = [...folder, ...shared, ...dockerfile, ...generated];
  const requirements = [
    ...(installed.length > 0 ? [generatedFile("requirements.txt", formatRequirements(installed))] : []),
    ...(buildOnly.length > 0 ? [generatedFile("build-requirements.txt", formatRequirements(buildOnly))] : []),
  ];

  const parents = layer.parents(context);
  const own = {
    ...Object.fromEntries(listed.map(fileInput)),
    ...prefixed("argument", args),
    ...prefixed("package", Object.fromEntries(installed.map((entry) => [entry.name, pinOf(entry)]))),
    ...prefixed("build package", Object.fromEntries(buildOnly.map((entry) => [entry.name, pinOf(entry)]))),
    ...prefixed("pin", layer.pins?.(context) ?? {}),
  };
  const inputs = { ...own, ...parentInputs(parents, keys) };
  return {
    name: layer.name,
    summary: layer.summary,
    role: layer.role ?? "stage",
    parents,
    args,
    files: [...listed, ...requirements].sort((a, b) => (a.path < b.path ? -1 : 1)),
    inputs,
    key: stageKey(layer.name, inputs),
    ownKey: stageKey(layer.name, own),
  };
}

function planProduct(
  recipe: Recipe,
  context: LayerContext,
  labels: ProductLabels,
  keys: ReadonlyMap<string, string>,
): Stage {
  const parents = recipe.layers.map((layer) => layer.name);
  const dockerfile = generatedFile(
    "Dockerfile",
    productDockerfile(recipe, context, labels),
    `recipes/${recipe.name}.ts (image configuration)`,
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
    ownKey: stageKey(recipe.name, { generation: context.generation.name }),
  };
}

function parentInputs(parents: readonly string[], keys: ReadonlyMap<string, string>): Record<string, string> {
  return prefixed("parent", Object.fromEntries(parents.map((parent) => [parent, keys.get(parent) ?? ""])));
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
    [layer.dockerfile ?? `${layer.name}/Dockerfile`, ...(layer.shared ?? [])]
      .filter((file) => !existsSync(join(layersFolder, file)))
      .map(
        (file) =>
          new UserError(
            `layers/${file}`,
            `does not exist, but layer "${layer.name}" needs it.`,
            "Create it.",
          ),
      ),
  );
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
