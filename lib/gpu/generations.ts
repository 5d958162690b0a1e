import { compare } from "compare-versions";
import { type AttentionKernel, type CudaVersion, compatibilitySet } from "./compatibility.ts";

/**
 * GPU generations: what a stack is built for and where it can be tested. Exhaustive tables, so that a new generation or
 * capability is one entry and the compiler names every place that has to know about it.
 */
export const generationNames = [
  "cpu",
  "turing",
  "ampere",
  "ada",
  "hopper",
  "blackwell",
  "universal",
] as const;
export type GenerationName = (typeof generationNames)[number];

/** Compute capabilities that strata compiles for. */
export const computeCapabilities = ["7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0"] as const;
export type ComputeCapability = (typeof computeCapabilities)[number];

/** Where the facts below come from, each looked up on 2026-11-21 unless it has a date of its own. */
export const generationSources = {
  /** Compute capability of each card. */
  cards: "https://developer.nvidia.com/cuda-gpus",
  /** Table "CUDA Toolkit and Corresponding Driver Versions". */
  drivers: "https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/",
  /** Triton 3.3 and later run on 8.0 and above, with a slow way for older cards (triton-lang/triton#5066). */
  triton: "https://github.com/triton-lang/triton/pull/5066",
  /** SageAttention 1 works on 7.5 with Triton 3.2 and older only. */
  sageattention: "https://github.com/thu-ml/SageAttention/issues/197",
  /** Cards, processors and disks of the instance types. */
  instances:
    "https://github.com/aws/karpenter-provider-aws/blob/main/website/content/en/preview/reference/instance-types.md",
  /** Memory of the machines; g7: https://aws.amazon.com/ec2/instance-types/g7/ has not been seen, others list 32 GB. */
  memory: "https://docs.aws.amazon.com/batch/latest/userguide/gpu-jobs.html",
  /**
   * On demand, Linux, us-east-1: as generated on 2026-07-20, and at 031e72b on 2026-01-19 for the 2xlarge and 4xlarge sizes
   * of g5, g6 and g6e.
   */
  prices:
    "https://github.com/aws/karpenter-provider-aws/blob/main/pkg/providers/pricing/zz_generated.pricing_aws.go",
} as const;

export interface Generation {
  readonly name: GenerationName;
  /** Compute capabilities that our own kernels are compiled for, lowest first; none for `cpu`. */
  readonly computeCapabilities: readonly ComputeCapability[];
  /** What people call the cards, for tables and labels. */
  readonly cards: string;
  /** Attention kernels of a stack whose recipe and settings say nothing about them. */
  readonly attention: readonly AttentionKernel[];
  /** The oldest driver that knows all of these cards: that of the first CUDA that compiles for them. */
  readonly firstDriver: string;
  /** The capability that a product is tested on unless the stack names another one; null for `cpu`. */
  readonly testedOn: ComputeCapability | null;
}

/** Not on Turing: see `sources.sageattention`. */
const allKernels = ["triton", "sageattention"] as const;

const table: { readonly [name in GenerationName]: Omit<Generation, "name"> } = {
  cpu: {
    computeCapabilities: [],
    cards: "no GPU needed",
    attention: allKernels,
    firstDriver: "0",
    testedOn: null,
  },
  turing: {
    computeCapabilities: ["7.5"],
    cards: "T4, RTX 20",
    attention: ["triton"],
    // CUDA 10.0
    firstDriver: "410.48",
    testedOn: "7.5",
  },
  ampere: {
    computeCapabilities: ["8.0", "8.6"],
    cards: "A100, A10G, RTX 30",
    attention: allKernels,
    // CUDA 11.1; 8.0 alone is known to 450.36.06 (CUDA 11.0).
    firstDriver: "455.23",
    testedOn: "8.6",
  },
  ada: {
    computeCapabilities: ["8.9"],
    cards: "L4, L40S, RTX 40",
    attention: allKernels,
    // CUDA 11.8
    firstDriver: "520.61.05",
    testedOn: "8.9",
  },
  hopper: {
    computeCapabilities: ["9.0"],
    cards: "H100, H200",
    attention: allKernels,
    // CUDA 11.8
    firstDriver: "520.61.05",
    testedOn: "9.0",
  },
  blackwell: {
    computeCapabilities: ["10.0", "12.0"],
    cards: "B200, RTX PRO 6000, RTX 50",
    attention: allKernels,
    // CUDA 12.8
    firstDriver: "570.26",
    testedOn: "12.0",
  },
  universal: {
    computeCapabilities,
    cards: "every generation in one image",
    attention: allKernels,
    firstDriver: "570.26",
    // The cheapest one on which all of these kernels run.
    testedOn: "8.9",
  },
};

/** The facts of one generation. */
export function generation(name: GenerationName): Generation {
  return { name, ...table[name] };
}

/** The oldest driver for images of a generation with a CUDA version. */
export function minimumDriver(name: GenerationName, cuda: CudaVersion): string {
  const [ofCards, ofCuda] = [table[name].firstDriver, compatibilitySet(cuda).minimumDriver];
  return compare(ofCards, ofCuda, ">") ? ofCards : ofCuda;
}

/** `["8.0", "8.6"]` as CMake wants it: real code for exactly these, no PTX (`80-real;86-real`). */
export function cmakeCudaArchitectures(capabilities: readonly string[]): string {
  return capabilities.map((capability) => `${capability.replace(".", "")}-real`).join(";");
}
