import { basename, join } from "node:path";
import { type Distribution, pinOf } from "../locks/python-lock.ts";
import { aptFiles } from "../recipe/apt-layer.ts";
import { evenLayer } from "../recipe/even-layers.ts";
import type { Layer, LayerRole, Weight } from "../recipe/layer.ts";
import { trimmedLayer } from "../recipe/trimmed-layer.ts";
import { layerCompression } from "../registry/compression.ts";
import {
  type ContextFile,
  generatedFile,
  layerFolder,
  readContextFile,
  readFolder,
} from "./context-files.ts";
import { fileInput, type StageInputs, stageKey } from "./key.ts";
import { installedAliases } from "./packages.ts";
import { exportInput, type StageExport, stageExport } from "./stage-export.ts";
import { type ImageSources, requirementFiles, type StagePackages, stagePackages } from "./stage-packages.ts";

/** An image that a plan wants, and the key that stands for it. */
export interface PlanEntry {
  readonly name: string;
  readonly summary: string;
  readonly role: LayerRole | "product";
  /** Names of the stages that it is made from. */
  readonly parents: readonly string[];
  readonly inputs: StageInputs;
  readonly key: string;
}

/** A layer used in an image: all that its build gets. Its parents' images are its named contexts. */
export interface Stage extends PlanEntry, StageExport {
  readonly role: LayerRole;
  /** See `Layer`. */
  readonly bulk?: boolean;
  readonly cachesSteps?: boolean;
  readonly weight?: Weight;
  /** See `Layer`. */
  readonly onBase?: boolean;
  readonly args: Readonly<Record<string, string>>;
  /** Dockerfile included, sorted by path. */
  readonly files: readonly ContextFile[];
}

/**
 * Seconds since 1970 that every file of every stage gets as its time: 1980-01-01, the earliest that zip can
 * write. A constant, because a stage must not change when only the time of a commit does.
 */
export const stageEpoch = "315532800";

/** Plans the stage of a layer. @param given as the recipe has it @param before the stages planned so far, its parents among them */
export function planStage(given: Layer, image: ImageSources, before: readonly Stage[]): Stage {
  const { context } = image;
  const wheels = image.packages.byLayer.get(given.name) ?? [];
  const layer = evenLayer(trimmedLayer(given, wheels, context), wheels, context);
  const parents = layer.parents(context);
  const args = { SOURCE_DATE_EPOCH: stageEpoch, ...layer.args?.(context) };
  const packages = stagePackages(layer, image);
  const files = contextFiles(layer, parents, packages, image);
  const layerInputs = stageInputs(files, args, packages, layer.pins?.(context) ?? {});
  const bulk = layer.bulk ?? false;
  const cachesSteps = layer.cachesSteps ?? false;
  // Models are stored as they are, whatever else is packed how.
  const compression = bulk ? undefined : layerCompression(context.compression, layer);
  const role = layer.role ?? "stage";
  const weight = layer.weight?.(context);
  const inputs = bulk
    ? layerInputs
    : { ...layerInputs, ...exportInput(role, compression), ...parentInputs(parents, before) };
  return {
    name: layer.name,
    summary: layer.summary,
    role,
    bulk,
    cachesSteps,
    ...(weight && { weight }),
    ...(layer.onBase ? { onBase: true } : {}),
    parents,
    args,
    files: [...files, ...requirementFiles(layer, packages, context)].sort((a, b) =>
      a.path < b.path ? -1 : 1,
    ),
    inputs,
    key: stageKey(layer.name, inputs),
    ...stageExport(layer.name, cachesSteps ? { recipe: image.recipe } : layerInputs, compression),
  };
}

/** The files of a build that count by their content: the layer's own, those it shares with others, and what it makes. */
function contextFiles(
  layer: Layer,
  parents: readonly string[],
  { installed }: StagePackages,
  { context, packages: { all, aliases }, layersFolder }: ImageSources,
): ContextFile[] {
  const { path: folder, shown } = layerFolder(layer, layersFolder);
  const dockerfile = layer.dockerfile?.(parents, context);
  const made: Readonly<Record<string, string>> = {
    ...(dockerfile === undefined ? {} : { Dockerfile: dockerfile }),
    ...aptFiles(layer, context),
    ...layer.generated?.(context),
    ...layer.listed?.([...all, ...installedAliases(all, aliases)], context),
  };
  const standIns = installedAliases(installed, aliases).map(
    ({ name, version, target }) => `${name} ${version} ${target}\n`,
  );
  return [
    // What is made stands in for what lies there under the same name.
    ...readFolder(folder, shown).filter(({ path }) => !(path in made)),
    ...(layer.shared ?? []).map((file) =>
      readContextFile(join(layersFolder, file), `layers/${file}`, basename(file)),
    ),
    ...Object.entries(made).map(([path, text]) => generatedFile(path, text, `${shown}/layer.ts (${path})`)),
    ...(standIns.length > 0 ? [generatedFile("aliases.txt", standIns.join(""))] : []),
  ];
}

/** All inputs but the parents. */
function stageInputs(
  files: readonly ContextFile[],
  args: Stage["args"],
  { installed, build, own }: StagePackages,
  pins: Readonly<Record<string, string>>,
): StageInputs {
  const pinned = (packages: readonly Distribution[]) =>
    Object.fromEntries(packages.map((entry) => [entry.name, pinOf(entry)]));
  return {
    ...Object.fromEntries(files.map(fileInput)),
    ...prefixed("argument", args),
    ...prefixed("package", pinned(installed)),
    ...prefixed("build package", pinned(build)),
    ...prefixed("own package", pinned(own)),
    ...prefixed("pin", pins),
  };
}

/** The keys of parents, which are planned already. */
export function parentInputs(parents: readonly string[], stages: readonly Stage[]): Record<string, string> {
  const keys = new Map(stages.map(({ name, key }) => [name, key]));
  return prefixed("parent", Object.fromEntries(parents.map((parent) => [parent, keys.get(parent) ?? ""])));
}

function prefixed(kind: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${kind}:${name}`, value]));
}
