import { z } from "zod";
import {
  type AttentionKernel,
  attentionKernels,
  type CudaVersion,
  compatibilitySet,
  compiledKernels,
} from "../gpu/compatibility.ts";
import { type GenerationName, generation } from "../gpu/generations.ts";
import { kernelProblems } from "./kernel-problems.ts";
import type { PinnedWheels } from "./kernels.ts";

/** How a stack gets a kernel; what is refused says why. */
export type KernelWay =
  | { readonly way: "wheel" | "compile"; readonly version: string }
  | { readonly way: "pin" }
  | { readonly way: "refused"; readonly reason: string };

/** Kernels that strata does not offer, each with what stands in the way. */
export const unofferedKernels: Readonly<Record<string, string>> = {
  "flash-attn-3":
    "the index has no package of it and its repository no release with a wheel; its source is in FlashAttention's folder `hopper`, an hour of compiling for a machine with many cores",
  "flash-attn-4":
    "the index has betas alone (4.0.0b36), which want another nvidia-cutlass-dsl, and it is for Hopper and Blackwell alone",
  sageattn3:
    "neither the index nor a release has it; its source is a folder of SageAttention's repository, for Blackwell alone",
  "spas-sage-attn":
    "the index does not have it, and no commit of its repository is known that was tried with this torch",
};

/** What compiling one took, with the conditions. */
export const measuredCompilations: { readonly [kernel in AttentionKernel]?: string } = {
  sageattention: "23.6 minutes and 15.8 MB for one capability (8.9), 2 cores, another build beside it",
  "flash-attn":
    "not compiled to its end: hours on 2 cores; what an interrupted build compiled is kept object by object",
};

/** The ways to a kernel for a generation's cards, the first the one that a stack gets without more settings. */
export function kernelWays(kernel: AttentionKernel, name: GenerationName, cuda: CudaVersion): KernelWay[] {
  const set = compatibilitySet(cuda);
  const choice = {
    attention: [kernel],
    wheels: {},
    compile: [],
    python: "3.11",
    generation: generation(name),
    set,
  } as const;
  // The rules are the plan's own: a table of its own words would soon say something else.
  const problemsWith = (more: Partial<Parameters<typeof kernelProblems>[0]>) =>
    kernelProblems({ ...choice, ...more });
  const locked = set.attention[kernel];
  const plain = problemsWith({});
  const compiled = compiledKernels.find((each) => each === kernel);
  return [
    ...("version" in locked && plain.length === 0
      ? [{ way: "wheel", version: locked.version } as const]
      : []),
    ...(compiled && problemsWith({ compile: [compiled] }).length === 0
      ? [{ way: "compile", version: compiledVersions[compiled] } as const]
      : []),
    ...(kernel !== "triton" && problemsWith({ wheels: exampleWheel(kernel) }).length === 0
      ? [{ way: "pin" } as const]
      : []),
    ...(plain[0] ? [{ way: "refused", reason: plain[0].problem } as const] : []),
  ];
}

/** Only its name counts here. */
function exampleWheel(kernel: AttentionKernel): PinnedWheels {
  const file = `${kernel.replaceAll("-", "_")}-1-cp311-cp311-linux_x86_64.whl`;
  return { [kernel]: { url: `https://example.org/${file}`, sha256: "0".repeat(64), version: "1" } };
}

/** As locks/sources.json has them; a test compares. */
const compiledVersions = { "flash-attn": "2.8.3.post2", sageattention: "2.2.0" } as const;

/** `strata:attention`: of names that people know from elsewhere it says why they are not offered. */
export const attentionSetting = z.array(
  z
    .string()
    .refine((name) => unofferedKernels[name] === undefined, {
      error: ({ input }) => `${String(input)} is not offered: ${unofferedKernels[String(input)]}`,
      abort: true,
    })
    .pipe(z.enum(attentionKernels)),
);

/** A cell of the table: the ways in few words. */
export function wayWords(ways: readonly KernelWay[]): string {
  const usable = ways.filter(({ way }) => way !== "refused");
  if (usable.length === 0) return "refused";
  return usable
    .map((each) => ("version" in each ? `${each.way} ${each.version}` : "pinned wheel"))
    .join(", ");
}
