import type { ComfyUi, CustomNode } from "../lib/comfyui/custom-nodes.ts";
import type { GitPackage, Recipe } from "../lib/recipe/recipe.ts";
import {
  comfyuiLayers,
  comfyuiLicences,
  comfyuiResolution,
  comfyuiRuntime,
  comfyuiSource,
} from "./comfyui.ts";
import { buildLayers } from "./common.ts";
import { type Extension, extendRecipe } from "./extend.ts";
import { megapak } from "./megapak.ts";

/** A ComfyUI image of one's own, with nothing of another recipe in it. */
export interface OwnComfyUi extends Extension {
  /** @default ComfyUI as strata's own recipes have it */
  readonly comfyui?: Partial<ComfyUi["source"]>;
  /** The worker for RunPod with its packages. @default false */
  readonly runpod?: boolean;
}

/** What `npm run import` writes: ComfyUI at a commit of one's own, and one's own nodes on it. */
export function comfyuiRecipe({ comfyui = {}, runpod = false, ...own }: OwnComfyUi): Recipe {
  const layers = comfyuiLayers({ groups: [], runpod });
  const nodes = own.nodes ?? [];
  const base: Recipe = {
    name: "comfyui",
    summary: `ComfyUI with ${nodes.length} custom nodes on 8188, a back end that drives it on 8000`,
    layers,
    buildLayers: buildLayers(layers),
    comfyui: { source: { ...comfyuiSource, ...comfyui }, groups: [] },
    resolution: { ...comfyuiResolution, gitPackages: usedGitPackages(nodes) },
    licences: comfyuiLicences,
    sizeBudget: "6.5 GB",
    runtime: comfyuiRuntime,
  };
  const { extends: _, ...recipe } = extendRecipe(base, { summary: base.summary, ...own });
  return recipe;
}

/** Those that a node's line is replaced by: what the others need would be locked for nobody. */
function usedGitPackages(nodes: readonly CustomNode[]): Record<string, GitPackage> {
  const used = nodes.flatMap(({ replace = {} }) => Object.values(replace).flatMap(({ use }) => use));
  const known = { ...comfyuiResolution.gitPackages, ...megapak.resolution?.gitPackages };
  return Object.fromEntries(Object.entries(known).filter(([name]) => used.includes(name)));
}
