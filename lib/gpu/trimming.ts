import { z } from "zod";
import type { GenerationName } from "./generations.ts";

/** What is known of a package whose libraries hold code for the cards of many generations. */
export interface Trimmable {
  /** It has to allow changed copies; what is NVIDIA's own does not. */
  readonly licence: string;
  /** How the package's metadata says it; a build stops where that has changed. */
  readonly stated: string;
  /** The libraries that may be changed, as patterns of RECORD. What others wrote and the wheel brings along is not there. */
  readonly libraries: readonly string[];
  /** MB that layers lose, with zstd 3, as measured with `version`; what comes later is taken to be alike. */
  readonly saves: { readonly version: string } & { readonly [name in GenerationName]: number };
}

/**
 * By normalised name. Each was looked at in its wheel: licence and metadata, libraries with GPU code, and whose they are.
 * Not among them: `libtorch_nvshmem.so`, into which NVIDIA's NVSHMEM is linked, and NVIDIA's nvJPEG in `torchvision.libs`.
 */
export const trimmable: Readonly<Record<string, Trimmable>> = {
  torch: {
    licence: "BSD-3-Clause",
    stated: "BSD-3-Clause",
    libraries: ["torch/lib/libtorch_cuda.so", "torch/lib/libtorch_cuda_linalg.so"],
    saves: {
      version: "2.12.0",
      cpu: 294.2,
      turing: 259.3,
      ampere: 201.7,
      ada: 246.1,
      hopper: 242.0,
      blackwell: 169.5,
      universal: 1.5,
    },
  },
  torchvision: {
    licence: "BSD-3-Clause",
    stated: "BSD",
    libraries: ["torchvision/_C.so"],
    saves: {
      version: "0.27.0",
      cpu: 1.2,
      turing: 1.1,
      ampere: 1.0,
      ada: 1.1,
      hopper: 1.0,
      blackwell: 0.8,
      universal: 0.2,
    },
  },
  torchaudio: {
    licence: "BSD-2-Clause",
    stated: "BSD License",
    libraries: ["torchaudio/lib/*.so"],
    saves: {
      version: "2.11.0",
      cpu: 1.1,
      turing: 0.9,
      ampere: 0.8,
      ada: 0.9,
      hopper: 0.9,
      blackwell: 0.8,
      universal: 0.2,
    },
  },
  xformers: {
    licence: "BSD-3-Clause",
    stated: "BSD License",
    libraries: ["xformers/_C.so"],
    saves: {
      version: "0.0.35",
      cpu: 1.6,
      turing: 1.3,
      ampere: 1.3,
      ada: 1.3,
      hopper: 1.4,
      blackwell: 1.0,
      universal: 0,
    },
  },
  "onnxruntime-gpu": {
    licence: "MIT",
    stated: "MIT License",
    libraries: ["onnxruntime/capi/libonnxruntime_providers_cuda.so"],
    saves: {
      version: "1.31.1",
      cpu: 181.7,
      turing: 142.5,
      ampere: 105.1,
      ada: 136.8,
      hopper: 135.3,
      blackwell: 132.0,
      universal: 0,
    },
  },
  "cupy-cuda13x": {
    licence: "MIT",
    stated: "MIT",
    libraries: ["cupy/*.so"],
    saves: {
      version: "13.6.0",
      cpu: 23.5,
      turing: 21.0,
      ampere: 18.5,
      ada: 20.9,
      hopper: 20.8,
      blackwell: 17.8,
      universal: 5.4,
    },
  },
  "comfy-kitchen": {
    licence: "Apache-2.0",
    stated: "Apache-2.0",
    libraries: ["comfy_kitchen/backends/cuda/*.so"],
    saves: {
      version: "0.2.31",
      cpu: 30.4,
      turing: 26.5,
      ampere: 27.1,
      ada: 27.1,
      hopper: 27.0,
      blackwell: 23.5,
      universal: 10.3,
    },
  },
};

/** Bytes that the layers of an image with these packages lose. */
export function trimSaving(names: readonly string[], generation: GenerationName): number {
  return names.reduce((sum, name) => sum + (trimmable[name]?.saves[generation] ?? 0) * 1e6, 0);
}

/** `strata:trim`. Pulumi gives a boolean as a word. */
export const trimSetting = z
  .union([z.boolean(), z.enum(["true", "false"])])
  .transform((value) => value === true || value === "true");

/** The packages among `installed` that have something to lose, each with what is known of it. */
export function trimmablePackages(
  installed: readonly { readonly name: string; readonly fromSource?: boolean }[],
): [name: string, facts: Trimmable][] {
  return installed.flatMap(({ name, fromSource }): [string, Trimmable][] => {
    const facts = trimmable[name];
    // What is compiled here is for the stack's cards already.
    return facts && !fromSource ? [[name, facts]] : [];
  });
}
