import type { Component } from "../bill/component.ts";
import type { Fetch, ResolvedComfyUi } from "../comfyui/resolve-nodes.ts";
import type { AttentionKernel, CompatibilitySet, PythonVersion } from "../gpu/compatibility.ts";
import type { Generation } from "../gpu/generations.ts";
import type { AptLock } from "../locks/apt-lock.ts";
import type { ResolvedModels } from "../models/resolve-models.ts";
import type { Compression } from "../registry/compression.ts";
import type { CompiledSources, PinnedWheel, PinnedWheels } from "./kernels.ts";

/** Where llama.cpp's source comes from; both are pinned in locks/sources.json. */
export type LlamaSource = "sdist" | "git";

/** A released file: what BuildKit fetches and checks. */
export interface PinnedFile {
  readonly url: string;
  readonly sha256: string;
  readonly version: string;
}

/** An interpreter of an image's own: an archive of python-build-standalone, or the source that it is compiled from. */
export interface CpythonPin extends PinnedFile {
  readonly kind: "standalone" | "source";
  /** Debian's source package that keeps the very same file. */
  readonly package?: string;
}

/** What a stack decides and a layer may depend on. */
export interface LayerContext {
  readonly recipe: string;
  readonly generation: Generation;
  readonly python: PythonVersion;
  readonly set: CompatibilitySet;
  readonly attention: readonly AttentionKernel[];
  /** Those of them that come from a wheel that the stack pins, mirrors applied. */
  readonly wheels: PinnedWheels;
  /** Those that are compiled for the stack's cards. */
  readonly compiled: CompiledSources;
  /** The tunnels' client where the stack has one, mirrors applied. */
  readonly cloudflared?: PinnedFile;
  /** Wheels of TensorRT that the stack brings, mirrors applied, by the normalised name of the package. */
  readonly tensorrt?: Readonly<Record<string, PinnedWheel>>;
  /** The interpreter, where it is not the base image's, mirrors applied. */
  readonly cpython?: CpythonPin;
  readonly llama: {
    /** Whether the image has llama-server at all. */
    readonly enabled: boolean;
    readonly source: LlamaSource;
    /** The pinned source: a version and its sha256, or a tag, its repository (mirrors applied) and its commit. */
    readonly pin: { readonly version: string; readonly location: string; readonly hash: string };
    /** Its web page, made from the same source. */
    readonly ui: boolean;
    /** Virtual memory management in the CUDA backend: less fragmentation, needs libcuda at run time. */
    readonly vmm: boolean;
  };
  /** The base image: its name in locks/images.json, and the digest; from which registry it comes decides nothing. */
  readonly base: { readonly name: string; readonly digest: string };
  /** The versions of the distribution's packages; absent where the base has no such lock. */
  readonly apt?: AptLock;
  /** ComfyUI and its nodes at their commits, in recipes that have them. */
  readonly comfyui?: ResolvedComfyUi;
  /** Whether the recipe has the worker for RunPod. */
  readonly runpod?: true;
  /** Whether the recipe's image is a rented machine's, with a boot and services of its own. */
  readonly instance?: true;
  /** Whether packages lose the GPU code that the generation's cards do not run. */
  readonly trim?: true;
  /** Whether the recipe's services are behind the one login. */
  readonly door?: true;
  /** Whether a running container can compile what somebody installs. */
  readonly buildTools?: true;
  /** How layers are packed, where the stack says so. */
  readonly compression?: Compression;
  /** Models, in stacks that have any. */
  readonly models?: ResolvedModels;
  /** Python packages that are only in git, by normalised name. */
  readonly gitPackages: Readonly<Record<string, Omit<Fetch, "path"> & { readonly version: string }>>;
}

/** What a stage asks of the machine that builds it. */
export interface Weight {
  /** Bytes that one of its compilers takes. */
  readonly compilerMemory: number;
}

/**
 * - `system`: base and apt packages, what the product is built `FROM`
 * - `stage`: files of its own, one layer of the product, or several of similar size
 * - `build`: tools that other stages are built with, never part of a product
 */
export type LayerRole = "system" | "stage" | "build";

/** The Python requirements of a layer. */
export interface PythonRequirements {
  /** What it installs into the product, even where an earlier layer needs it too. */
  readonly image?: readonly string[];
  /** What it installs unless an earlier layer needs it: lists that nobody wrote with the other layers in mind. */
  readonly remaining?: readonly string[];
  /** What only its build uses. */
  readonly build?: readonly string[];
}

/** What decides which packages of the distribution a layer installs. */
export interface AptChoice {
  readonly base: Pick<LayerContext["base"], "name">;
  readonly models?: Pick<ResolvedModels, "strategy">;
  readonly buildTools?: true;
}

/** How one set of files is made: a folder under `layers/` with a Dockerfile and a `layer.ts`. */
export interface Layer {
  readonly name: string;
  /** Folder below `root`, for layers that are made alike. @default the name */
  readonly folder?: string;
  /** Absolute folder that holds the layer's, for one outside of strata. @default `layers/` */
  readonly root?: string;
  /** One sentence, and the change that having it as a layer of its own shields others against. */
  readonly summary: string;
  /** @default "stage" */
  readonly role?: LayerRole;
  /**
   * Large files that do not compress and are verified by their own hashes, models for instance. What they are built
   * with is no part of the key, so that another tool fetches nothing again; they are built one after the other, stored
   * as they are, and put into a product by their names instead of being copied. @default false
   */
  readonly bulk?: boolean;
  /**
   * Its build has many steps of which most stay when one changes. Then the registry keeps the result of each, in a
   * cache that outlives the key: also on an empty builder only what changed runs. It costs uploads, so it is for
   * stages of some MB. @default false
   */
  readonly cachesSteps?: boolean;
  /**
   * It changes with a release that is weeks apart, and is large: packed as small as the builder can, which takes a minute,
   * where the stack does not say how layers are packed. @default false
   */
  readonly seldomChanges?: boolean;
  /**
   * That it compiles for long, and what one compiler takes: such a stage may be built elsewhere (`strata:builders`). It is
   * no part of the key. @default nothing that a usual machine would notice
   */
  readonly weight?: (context: LayerContext) => Weight | undefined;
  /** Whether its build starts from the base image although it has parents. @default false */
  readonly onBase?: boolean;
  /** Layers whose images its build uses as named contexts. */
  readonly parents: (context: LayerContext) => readonly string[];
  /**
   * The Dockerfile's text where it depends on the stack, made from the names of the stages it is built from; undefined
   * where the file does.
   * @default the file `Dockerfile` in the layer's folder
   */
  readonly dockerfile?: (parents: readonly string[], context: LayerContext) => string | undefined;
  /**
   * Files that its build uses besides those in its own folder, by their path from `layers/`: those of `shared/`, and
   * `../smoke/lib/` for what a stage and the smoke test have to judge alike.
   */
  readonly shared?: readonly string[];
  readonly args?: (context: LayerContext) => Readonly<Record<string, string>>;
  /** External inputs with the digest, commit or hash that pins each. */
  readonly pins?: (context: LayerContext) => Readonly<Record<string, string>>;
  readonly python?: (context: LayerContext) => PythonRequirements;
  /** Packages of the distribution that it installs, by install-packages.sh. @default none */
  readonly apt?: (context: AptChoice) => readonly string[];
  /**
   * What it installs into a virtual environment of its own, which nothing that is done to the product's can break:
   * locked apart, as `locks/python/<layer>-py<python>.txt`. @default none
   */
  readonly environment?: readonly string[];
  /** What the image of this stack is without, and how to get it: previews tell it. @default nothing */
  readonly lacks?: (context: LayerContext) => readonly string[];
  /** Whether this stack has the layer at all. @default always */
  readonly included?: (context: LayerContext) => boolean;
  /** Files made from the context, by path in the build context. */
  readonly generated?: (context: LayerContext) => Readonly<Record<string, string>>;
  /** Files made from everything that the image installs, by path in the build context. */
  readonly listed?: (
    installed: readonly { readonly name: string; readonly version: string; readonly fromSource?: boolean }[],
    context: LayerContext,
  ) => Readonly<Record<string, string>>;
  /** Folders that no other layer may write below. */
  readonly owns?: (context: LayerContext) => readonly string[];
  /** What it brings beside wheels, for the bill of materials. @default files of its own, in `rootfs` and where it `owns` */
  readonly components?: (context: LayerContext) => readonly Omit<Component, "stage">[];
}

/** Where CPython lies in images that have one beside the distribution's. */
export const ownPython = "/opt/python";

/** Where the product's Python environment lives. */
export const virtualEnvironment = "/opt/venv";

/** `site-packages` of the product's environment. */
export function sitePackages(context: Pick<LayerContext, "python">): string {
  return `${virtualEnvironment}/lib/python${context.python}/site-packages`;
}
