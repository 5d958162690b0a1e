import {
  closure,
  type Distribution,
  namesInLock,
  normaliseName,
  type PythonLock,
  splitLock,
  withGitPackages,
} from "../locks/python-lock.ts";
import { withKernels } from "../recipe/kernels.ts";
import type { Layer, LayerContext } from "../recipe/layer.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** A Python lock, and where it lies. */
export interface LockedPackages {
  readonly path: string;
  readonly distributions: PythonLock;
}

/** The Python packages of an image, and which of its layers installs which. */
export interface ImagePackages {
  /** With the packages that are only in git, and the kernels that the stack brings. */
  readonly lock: LockedPackages;
  readonly aliases: Aliases;
  /** By the layer's name. */
  readonly byLayer: ReadonlyMap<string, readonly Distribution[]>;
  /** All that the layers install, sorted by name. */
  readonly all: readonly Distribution[];
}

type Aliases = NonNullable<NonNullable<Recipe["resolution"]>["aliases"]>;

/** Shares a lock out to the layers of an image. */
export function imagePackages(
  { layers, resolution = {} }: Pick<Recipe, "layers" | "resolution">,
  context: LayerContext,
  { path, distributions }: LockedPackages,
): ImagePackages {
  const { aliases = {}, gitPackages = {} } = resolution;
  const inGit = Object.entries(gitPackages).map(([name, { requires }]) => [
    name,
    { requires, version: context.gitPackages[normaliseName(name)]?.version ?? "" },
  ]);
  const joined = withGitPackages(distributions, Object.fromEntries(inGit), aliases);
  const lock = withTensorRt(withKernels(joined, context, path), context);
  const byLayer = splitLock(
    lock,
    layers.map((layer) => {
      const { image = [], remaining = [] } = layer.python?.(context) ?? {};
      const names = (lines: readonly string[]) => namesInLock(lines, lock, aliases);
      return { layer: layer.name, requirements: names(image), remaining: names(remaining) };
    }),
    path,
  );
  const all = [...byLayer.values()].flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  return { lock: { path, distributions: lock }, aliases, byLayer, all };
}

/** The lock with the wheels of TensorRT that the stack brings. */
function withTensorRt(lock: PythonLock, { tensorrt = {} }: LayerContext): PythonLock {
  const joined = new Map(lock);
  for (const [name, { version, sha256 }] of Object.entries(tensorrt)) {
    const hashes = [`sha256:${sha256}`];
    joined.set(name, { name, version, hashes, requiredBy: [], fromSource: false, pinned: true });
  }
  return joined;
}

/** What only the build of a layer uses, with all that it needs. */
export function buildPackages(
  layer: Layer,
  context: LayerContext,
  { lock: { path, distributions }, aliases }: ImagePackages,
): Distribution[] {
  const { build = [] } = layer.python?.(context) ?? {};
  const needed = closure(distributions, namesInLock(build, distributions, aliases), path);
  return [...distributions.values()].filter(({ name }) => needed.has(name));
}

/** The aliases whose target is installed, each with its target's version. */
export function installedAliases(
  installed: readonly Distribution[],
  aliases: Aliases,
): { name: string; version: string; target: string }[] {
  return Object.entries(aliases).flatMap(([alias, { of }]) =>
    installed
      .filter(({ name }) => name === normaliseName(of))
      .map(({ name, version }) => ({ name: normaliseName(alias), version, target: name })),
  );
}
