import type { ComfyUi, GitSource } from "../comfyui/custom-nodes.ts";
import type { AttentionKernel, CudaVersion, PythonVersion } from "../gpu/compatibility.ts";
import type { Layer, LayerContext } from "./layer.ts";

/** A product image as data: its layers in the order of the product's layers, and how it runs. */
export interface Recipe {
  readonly name: string;
  readonly summary: string;
  /** The recipe that it is made from: what both have is locked in the same version, where that fits. */
  readonly extends?: string;
  /** The one `system` layer first, then the stages from the one that changes least to the one that changes most. */
  readonly layers: readonly Layer[];
  /** Layers that only builds use. */
  readonly buildLayers: readonly Layer[];
  /** Licences of what is inside, as an SPDX expression. */
  readonly licences: string;
  /** Most bytes the product may have in the registry, `3.3 GB`; the audit holds it to this. */
  readonly sizeBudget: string;
  readonly runtime: (context: LayerContext) => ImageRuntime;
  /** ComfyUI and its nodes, for recipes that have them. */
  readonly comfyui?: ComfyUi;
  /** What resolving its Python packages needs beside what the layers and nodes ask for. */
  readonly resolution?: Resolution;
  /** What a stack gets that says nothing about it; README.md has what it gets where a recipe says nothing either. */
  readonly defaults?: RecipeDefaults;
}

/** Settings whose default a recipe may decide. */
export interface RecipeDefaults {
  readonly base?: string;
  readonly python?: PythonVersion;
  readonly cuda?: CudaVersion;
  readonly attention?: readonly AttentionKernel[];
  /** Whether the image can compile packages that somebody installs into a running container. */
  readonly buildTools?: boolean;
  readonly tags?: readonly string[];
}

/** Remedies for what package metadata does not say or says wrongly; each goes into the lock's header. */
export interface Resolution {
  /** Requirements that somebody has but nobody declares, or caps that nobody declares. */
  readonly additional?: readonly { readonly requirement: string; readonly reason: string }[];
  /**
   * Distributions that another one stands in for, because both would write the same files: by name, what stands in.
   * The image gets metadata for them, so that nothing installs them over it later.
   */
  readonly aliases?: Readonly<Record<string, { readonly of: string; readonly reason: string }>>;
  /** Python packages that are only in git, by name. Their metadata is not asked: `requires` says what they need. */
  readonly gitPackages?: Readonly<Record<string, GitPackage>>;
}

/** Remedies of one recipe after those of another; where both have one of a name, the `later` one counts. */
export function joinResolutions(base: Resolution, later: Resolution): Resolution {
  return {
    additional: [...(base.additional ?? []), ...(later.additional ?? [])],
    aliases: { ...base.aliases, ...later.aliases },
    gitPackages: { ...base.gitPackages, ...later.gitPackages },
  };
}

export interface GitPackage extends GitSource {
  readonly requires: readonly string[];
}

/** The part of an OCI image configuration that a recipe decides. */
export interface ImageRuntime {
  readonly user: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
  readonly entrypoint: readonly string[];
  readonly healthcheck: { readonly command: readonly string[]; readonly startPeriodSeconds: number };
}
