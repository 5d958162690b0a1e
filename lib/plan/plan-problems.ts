import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import type { Layer, LayerContext } from "../recipe/layer.ts";
import { layerFolder } from "./context-files.ts";

/** What a recipe's layers are judged by. */
interface RecipeLayers {
  readonly recipe: string;
  readonly context: LayerContext;
  /** All that are built. */
  readonly layers: readonly Layer[];
  /** Those of the image. */
  readonly inImage: readonly Layer[];
  /** The folder `layers/`. */
  readonly layersFolder: string;
}

/** Why layers cannot be planned together; none where they can. */
export function planProblems({ recipe, context, layers, inImage, layersFolder }: RecipeLayers): UserError[] {
  return [
    ...duplicateLayers(layers),
    ...namedAsRecipe(layers, recipe),
    ...unknownParents(layers, context),
    ...missingFiles(layers, layersFolder),
    ...wantedDevices(layers, layersFolder),
    ...sharedPaths(inImage, context),
  ];
}

function duplicateLayers(layers: readonly Layer[]): UserError[] {
  const names = layers.map((layer) => layer.name);
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))].map(
    (name) => new UserError(name, "is listed twice.", "A layer is in a recipe once: remove one entry."),
  );
}

function namedAsRecipe(layers: readonly Layer[], recipe: string): UserError[] {
  return layers
    .filter(({ name }) => name === recipe)
    .map(
      ({ name }) =>
        new UserError(
          name,
          "is the name of a recipe and of a layer.",
          "Tags tell them apart by name: rename one.",
        ),
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
  return layers.flatMap((layer) => {
    const folder = layerFolder(layer, layersFolder);
    const dockerfile = { path: join(folder.path, "Dockerfile"), shown: `${folder.shown}/Dockerfile` };
    const shared = (layer.shared ?? []).map((file) => ({
      path: join(layersFolder, file),
      shown: `layers/${file}`,
    }));
    return [...(layer.dockerfile ? [] : [dockerfile]), ...shared]
      .filter(({ path }) => !existsSync(path))
      .map(
        ({ shown }) =>
          new UserError(shown, `does not exist, but layer "${layer.name}" needs it.`, "Create it."),
      );
  });
}

/** A `RUN` with a device among its options, which may go on over lines. */
const runWithDevice = /^[ \t]*RUN(?:\s|\\\n)+(?:--\S+(?:\s|\\\n)+)*--device\b/im;

/** Stages that ask for a device of the builder: what they came out as would hang on hardware that no key names. */
function wantedDevices(layers: readonly Layer[], layersFolder: string): UserError[] {
  return layers.flatMap((layer) => {
    const folder = layerFolder(layer, layersFolder);
    const path = join(folder.path, "Dockerfile");
    if (layer.dockerfile || !existsSync(path) || !runWithDevice.test(readFileSync(path, "utf8"))) return [];
    return [
      new UserError(
        `${folder.shown}/Dockerfile`,
        "asks for a device of the builder (RUN --device), on which its files would hang.",
        "Compile for given cards without one; what needs a GPU is a test (docs/hosts.md).",
      ),
    ];
  });
}

/** Two layers that both want to own a folder, or one inside the other's. Of thousands of folders none is compared with all. */
function sharedPaths(layers: readonly Layer[], context: LayerContext): UserError[] {
  const owned = layers.flatMap((layer) => (layer.owns?.(context) ?? []).map((path) => ({ layer, path })));
  const numbered = owned.map((one, index) => ({ ...one, index }));
  const at = Map.groupBy(numbered, ({ path }) => path);
  const conflicts = numbered.flatMap((one) =>
    withParents(one.path)
      .flatMap((path) => at.get(path) ?? [])
      .filter((other) => other.layer !== one.layer && (other.path !== one.path || other.index < one.index))
      .map((other) => (other.index < one.index ? ([other, one] as const) : ([one, other] as const))),
  );
  return conflicts
    .sort(([a, b], [c, d]) => a.index - c.index || b.index - d.index)
    .map(
      ([a, b]) =>
        new UserError(
          `layers/${b.layer.name}/layer.ts`,
          `owns ${b.path}, but layer "${a.layer.name}" owns ${a.path}.`,
          "A path belongs to one layer: give one of them another folder.",
        ),
    );
}

/** `/a/b/c`, `/a/b`, `/a`. */
function withParents(path: string): string[] {
  const last = path.lastIndexOf("/");
  return last > 0 ? [path, ...withParents(path.slice(0, last))] : [path];
}
