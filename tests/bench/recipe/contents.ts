/** What an image is made of, for those who build it another way: read from a clone as the program reads it. */
import { join } from "node:path";
import { homeAt } from "../../../home.ts";
import { readCertificates } from "../../../lib/certificates.ts";
import { layerContext } from "../../../lib/plan/context.ts";
import { type ImagePackages, imagePackages } from "../../../lib/plan/packages.ts";
import type { Stage } from "../../../lib/plan/plan.ts";
import type { LayerContext } from "../../../lib/recipe/layer.ts";
import type { Recipe } from "../../../lib/recipe/recipe.ts";
import { readLocks, readPythonLock } from "../../../recipes/stack-locks.ts";
import { planStack } from "../../../recipes/stack-plan.ts";
import { stackConfig } from "../../../tools/stack/checkout-plan.ts";

export interface Contents {
  readonly context: LayerContext;
  readonly packages: ImagePackages;
  /** Names of the image's layers, in order. */
  readonly layers: readonly string[];
  readonly stages: ReadonlyMap<string, Stage>;
  /** The base image, by digest. */
  readonly base: string;
  /** PEM bundle that downloads trust. */
  readonly certificates: string | undefined;
  /** The clone. */
  readonly root: string;
  readonly recipe: Recipe;
  /** What holds its locks: the clone, or the folder of an external recipe. */
  readonly lockFolder: string;
}

/** Reads the stack `name` of the clone at `root`, whose services and images are those of the home at `home`. */
export async function readContents(root: string, home: string, name: string): Promise<Contents> {
  const config = await stackConfig(root, name, {});
  const { recipe, folder = root } = config.selected;
  const folders = { root, localImages: homeAt(home).images };
  const locks = readLocks(config.base, folders, folder);
  const named = { ...config, recipe: recipe.name, door: false };
  const context = layerContext(named, { recipe, ...locks });
  const lock = readPythonLock(folder, named, recipe, locks.nodes);
  const inImage = recipe.layers.filter((layer) => layer.included?.(context) ?? true);
  const { plan, base } = planStack(config, folders);
  return {
    context,
    packages: imagePackages({ ...recipe, layers: inImage }, context, lock),
    layers: inImage.map((layer) => layer.name),
    stages: new Map(plan.stages.map((stage) => [stage.name, stage])),
    base: base.reference,
    certificates: readCertificates(config.certificates),
    root,
    recipe,
    lockFolder: folder,
  };
}

/** Where the files of the layer `runtime` lie in a clone: what starts the image. */
export function startFiles(root: string): string {
  return join(root, "layers/runtime/rootfs/opt/strata/runtime");
}
