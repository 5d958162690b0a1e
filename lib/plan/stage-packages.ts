import { throwAll, UserError } from "../../errors.ts";
import { type Distribution, formatRequirements } from "../locks/python-lock.ts";
import type { Layer, LayerContext } from "../recipe/layer.ts";
import { type ContextFile, generatedFile } from "./context-files.ts";
import { buildPackages, type ImagePackages, type LockedPackages } from "./packages.ts";

/** The image that a stage is planned for. */
export interface ImageSources {
  readonly recipe: string;
  readonly context: LayerContext;
  readonly packages: ImagePackages;
  /** The locks of layers with an environment of their own, by the layer's name. */
  readonly environments?: ReadonlyMap<string, LockedPackages> | undefined;
  /** The folder `layers/`. */
  readonly layersFolder: string;
}

/** The Python packages of one stage. */
export interface StagePackages {
  readonly installed: readonly Distribution[];
  /** What only its build uses. */
  readonly build: readonly Distribution[];
  /** What goes into the layer's own environment. */
  readonly own: readonly Distribution[];
}

/** Which packages of the image are a layer's. */
export function stagePackages(layer: Layer, image: ImageSources): StagePackages {
  return {
    installed: image.packages.byLayer.get(layer.name) ?? [],
    build: buildPackages(layer, image.context, image.packages),
    own: ownPackages(layer, image),
  };
}

/** All of the lock that its environment has. Throws where there is none, or where it is not made of wheels alone. */
function ownPackages({ name, environment }: Layer, { environments }: ImageSources): readonly Distribution[] {
  if (environment === undefined) return [];
  const lock = environments?.get(name);
  if (!lock) {
    throw new UserError(`layers/${name}/layer.ts`, "has an environment without a lock.", lockRemedy);
  }
  const own = [...lock.distributions.values()];
  throwAll(
    lock.path,
    own
      .filter(({ fromSource }) => fromSource)
      .map(
        (each) =>
          new UserError(
            each.name,
            "has no wheel, and an environment of its own wants one.",
            "Ask for another version of it in the layer.",
          ),
      ),
  );
  return own;
}

const lockRemedy = "Run `npm run lock -- python`.";

/** What pip gets to read. Packages count each by itself, so that a change names the package and not the file. */
export function requirementFiles(
  layer: Layer,
  { installed, build, own }: StagePackages,
  context: LayerContext,
): ContextFile[] {
  const { image, remaining } = layer.python?.(context) ?? {};
  const isFile = ({ fromSource, pinned }: Distribution) => fromSource || pinned === true;
  const files = installed.filter(isFile);
  return [
    // Also where earlier layers have everything already: what installs reads it.
    ...(image || remaining
      ? [generatedFile("requirements.txt", formatRequirements(installed.filter((entry) => !isFile(entry))))]
      : []),
    ...(own.length > 0 ? [generatedFile("own-requirements.txt", formatRequirements(own))] : []),
    ...(files.length > 0
      ? [generatedFile("built-requirements.txt", files.map(({ name }) => `${name}\n`).join(""))]
      : []),
    ...(build.length > 0 ? [generatedFile("build-requirements.txt", formatRequirements(build))] : []),
  ];
}
