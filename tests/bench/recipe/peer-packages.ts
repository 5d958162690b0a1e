/** The Python packages of an image as one environment is filled in the field: group after group, each with what it adds. */
import {
  closure,
  type Distribution,
  formatRequirements,
  namesInLock,
} from "../../../lib/locks/python-lock.ts";
import type { Contents } from "./contents.ts";

/** One `pip install`. */
export interface PackageGroup {
  readonly name: string;
  /** A requirements file with hashes. */
  readonly requirements: string;
  /** Packages that are only in git: name, address and commit. */
  readonly git: readonly string[];
}

/** Layers whose packages are not a group of their own. */
const torchLayers = ["cuda", "torch"];
const nodeLayer = "node-packages";

/** Before the name of a group of nodes: it may be called as a layer is. */
export const nodePrefix = "nodes-";

/** CUDA's own libraries, which llama.cpp links to. */
export function cudaPackages(contents: Contents): PackageGroup {
  return group(contents, "cuda", contents.packages.byLayer.get("cuda") ?? []);
}

/** What comes before the nodes: torch with its libraries, then a group for each layer that has packages. */
export function imageGroups(contents: Contents): PackageGroup[] {
  const { layers, packages } = contents;
  const of = (layer: string) => packages.byLayer.get(layer) ?? [];
  const torch = group(contents, "torch", torchLayers.flatMap(of));
  const others = layers
    .filter((layer) => !torchLayers.includes(layer) && layer !== nodeLayer && of(layer).length > 0)
    .map((layer) => group(contents, layer, of(layer)));
  return [torch, ...others];
}

/** What each group of nodes adds to those before it. */
export function nodeGroups(contents: Contents): PackageGroup[] {
  const { context, packages } = contents;
  const open = new Map((packages.byLayer.get(nodeLayer) ?? []).map((each) => [each.name, each]));
  const { distributions, path } = packages.lock;
  const nodes = context.comfyui?.nodes ?? [];
  return [...new Set(nodes.map((node) => node.group))].map((name) => {
    const lines = nodes.filter((node) => node.group === name).flatMap((node) => node.requirements);
    const names = namesInLock(
      lines.map(({ line }) => line),
      distributions,
      packages.aliases,
    );
    const own = [...closure(distributions, names, path)].flatMap((each) => open.get(each) ?? []);
    for (const each of own) open.delete(each.name);
    return group(contents, `${nodePrefix}${name}`, own);
  });
}

function group({ context }: Contents, name: string, all: readonly Distribution[]): PackageGroup {
  const inGit = (each: Distribution) => context.gitPackages[each.name];
  return {
    name,
    requirements: formatRequirements(all.filter((each) => !inGit(each))),
    git: all.flatMap((each) => {
      const source = inGit(each);
      return source ? [`${each.name} ${source.location} ${source.commit}`] : [];
    }),
  };
}
