import { createHash } from "node:crypto";
import { throwAll, UserError } from "../../errors.ts";
import { modelPath } from "../locks/model-lock.ts";
import { layerProblems, type RegistryKind } from "../registry/limits.ts";

/** What packing needs to know of a model. */
export interface Packable {
  readonly folder: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/** A stage of models, which is one layer. */
export interface ModelLayer<T extends Packable> {
  /** The stage's name: it depends on the path of its model alone, or on the number of a shared layer. */
  readonly name: string;
  readonly models: readonly T[];
  /** Most bytes of the layer as stored: weights hardly compress. */
  readonly bytes: number;
}

export interface PackingOptions {
  readonly registry: RegistryKind;
  /** Further registries that the layers go to. */
  readonly copies?: readonly RegistryKind[];
  /** Models of so many bytes never share a layer. @default 100 MB */
  readonly threshold?: number;
  /** Most layers of models: an image has at most 127 layers, and has others beside these. @default 80 */
  readonly mostLayers?: number;
}

const THRESHOLD = 100e6;
const MOST_LAYERS = 80;

/** So many layers are shared by small models where there are too many for a layer each. */
export const SHARED_LAYERS = 16;

/**
 * Spreads models over layers so that a change pushes as little as can be:
 *
 * - each model is a layer of its own, whatever the others are; so adding or removing one moves nobody's bytes
 * - where that would be more than `mostLayers`, all below the threshold share 16 layers, each in the one that its path
 *   chooses; so adding or removing one pushes the small models of that layer again, and never a large one
 *
 * The order of `models` decides nothing. Throws for every model that does not fit into the registry.
 */
export function packModels<T extends Packable>(
  models: readonly T[],
  options: PackingOptions,
): ModelLayer<T>[] {
  const { registry, copies = [], threshold = THRESHOLD, mostLayers = MOST_LAYERS } = options;
  const sorted = models.toSorted((a, b) => (modelPath(a) < modelPath(b) ? -1 : 1));
  const isSharing = sorted.length > mostLayers;
  const layers = [
    ...Map.groupBy(sorted, (model) =>
      isSharing && model.size < threshold ? `models-shared-${sharedLayer(model)}` : stageName(model),
    ),
  ].map(([name, members]): ModelLayer<T> => ({ name, models: members, bytes: storedBytes(members) }));
  throwAll("models", [
    ...tooMany(layers.length, mostLayers),
    ...layerProblems(
      layers.map(({ models: members, bytes }) => ({ name: members.map(modelPath).join(", "), bytes })),
      [registry, ...copies],
      (otherRegistry) =>
        `Take a smaller file (a stronger quantisation), ${otherRegistry}, or fetch models into a volume when the container starts.`,
    ),
  ]);
  return layers;
}

/** `model-wan-2-1-vae-1a2b3c4d`: a word for people, and a hash of the path, because names repeat. */
function stageName(model: Packable): string {
  const stem = (model.name.split("/").at(-1) ?? "").replace(/\.\w+$/, "");
  const word = stem
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 40)
    .replace(/-$/, "");
  return `model-${word ? `${word}-` : ""}${hashOf(model).toString("hex", 0, 4)}`;
}

function sharedLayer(model: Packable): number {
  return hashOf(model).readUInt32BE(4) % SHARED_LAYERS;
}

function hashOf(model: Packable): Buffer {
  return createHash("sha256").update(modelPath(model)).digest();
}

/**
 * A tar of the models in the worst case: each with headers for a long name and its folders, in blocks of 512 bytes; then
 * zstd, which adds 3 bytes to each block of 128 KiB that it cannot make smaller.
 */
function storedBytes(models: readonly Packable[]): number {
  const blocks = (size: number) => 512 * Math.ceil(size / 512);
  const tar = models.reduce((sum, model) => {
    const folders = model.folder.split("/").length + model.name.split("/").length - 1;
    return sum + blocks(model.size) + 4 * 512 * (1 + folders);
  }, 1024);
  return tar + 3 * Math.ceil(tar / 2 ** 17) + 18;
}

function tooMany(count: number, most: number): UserError[] {
  if (count <= most) return [];
  const problem = `make ${count} layers, and an image has room for ${most}.`;
  return [
    new UserError(
      "models",
      problem,
      "Bake fewer of them, or fetch models into a volume when the container starts.",
    ),
  ];
}
