/**
 * Which torch goes with what. The newest of each do not fit together: torchaudio refuses to import beside a
 * torch of another CUDA version, and xformers imports with a warning but without its compiled part. So the
 * sets below are the ones that were installed and imported together (docs/adr/0005-compatibility-sets.md).
 */
export const cudaVersions = ["12.8", "13.0"] as const;
export type CudaVersion = (typeof cudaVersions)[number];

export const attentionKernels = ["triton", "sageattention", "xformers", "flash-attn", "nunchaku"] as const;
export type AttentionKernel = (typeof attentionKernels)[number];

/** Kernels that a stack can have compiled from the sources in locks/sources.json. */
export const compiledKernels = ["flash-attn", "sageattention"] as const satisfies readonly AttentionKernel[];
export type CompiledKernel = (typeof compiledKernels)[number];

export interface CompatibilitySet {
  readonly cuda: CudaVersion;
  /** Lowest driver that runs this CUDA version: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/ */
  readonly minimumDriver: string;
  readonly torch: string;
  readonly torchvision: string;
  readonly torchaudio: string;
  /** Requirements of the CUDA libraries that torch's wheels link to; the lock fixes the versions. */
  readonly cudaLibraries: readonly string[];
  /** What compiling CUDA code needs, as wheels, or why that is not possible. */
  readonly cudaCompiler: { requirements: readonly string[] } | { missing: string };
  /** The version of each kernel whose wheel loads with this torch, or why there is none. */
  readonly attention: { readonly [kernel in AttentionKernel]: { version: string } | { missing: string } };
}

/** What the index has under these names is not for use: a stack that wants one pins a wheel of it, or compiles it. */
const unindexed = {
  "flash-attn": { missing: "the index has only its source" },
  nunchaku: { missing: "the package of that name on the index is another project" },
} as const;

const sets: { readonly [version in CudaVersion]: CompatibilitySet } = {
  "13.0": {
    cuda: "13.0",
    minimumDriver: "580.65.06",
    torch: "2.12.0",
    torchvision: "0.27.0",
    torchaudio: "2.11.0",
    cudaLibraries: [
      "cuda-toolkit[cublas,cudart,cufft,cufile,cupti,curand,cusolver,cusparse,nvjitlink,nvrtc,nvtx]==13.0.2",
      "nvidia-cudnn-cu13",
      "nvidia-cusparselt-cu13",
      "nvidia-nccl-cu13",
      "nvidia-nvshmem-cu13",
    ],
    // nvcc's own requirements have no upper bound: without the last two it gets headers of the next CUDA.
    cudaCompiler: {
      requirements: [
        "nvidia-cuda-nvcc==13.0.*",
        "nvidia-cuda-cccl==13.0.*",
        "nvidia-cuda-crt==13.0.*",
        "nvidia-nvvm==13.0.*",
      ],
    },
    attention: {
      triton: { version: "3.7.0" },
      sageattention: { version: "1.0.6" },
      xformers: {
        missing: "the C++ part of xformers 0.0.35 is built for torch 2.10 and does not load with torch 2.12",
      },
      ...unindexed,
    },
  },
  "12.8": {
    cuda: "12.8",
    minimumDriver: "570.26",
    torch: "2.10.0",
    torchvision: "0.25.0",
    torchaudio: "2.10.0",
    cudaLibraries: [
      "nvidia-cublas-cu12",
      "nvidia-cuda-cupti-cu12",
      "nvidia-cuda-nvrtc-cu12",
      "nvidia-cuda-runtime-cu12",
      "nvidia-cudnn-cu12",
      "nvidia-cufft-cu12",
      "nvidia-cufile-cu12",
      "nvidia-curand-cu12",
      "nvidia-cusolver-cu12",
      "nvidia-cusparse-cu12",
      "nvidia-cusparselt-cu12",
      "nvidia-nccl-cu12",
      "nvidia-nvjitlink-cu12",
      "nvidia-nvshmem-cu12",
      "nvidia-nvtx-cu12",
    ],
    cudaCompiler: { missing: "the 12.x wheels of nvcc bring ptxas but not nvcc itself" },
    attention: {
      triton: { version: "3.6.0" },
      sageattention: { version: "1.0.6" },
      xformers: { version: "0.0.35" },
      ...unindexed,
    },
  },
};

/** Reads which GPUs a library was compiled for. The index has no 13.0; this one reads code of both. */
const cuobjdump = "nvidia-cuda-cuobjdump==13.2.*";

/** What compiling CUDA code, and looking at what came out, takes as wheels; nothing where there is no compiler. */
export function cudaToolchain({ cudaCompiler }: CompatibilitySet): readonly string[] {
  return "requirements" in cudaCompiler ? [...cudaCompiler.requirements, cuobjdump] : [];
}

/** The set of versions that belongs to a CUDA version. */
export function compatibilitySet(cuda: CudaVersion): CompatibilitySet {
  return sets[cuda];
}

/** Python that a stack can ask for; where its base image brings another, it is a stage of its own. `t`: the free-threaded build. */
export const pythonVersions = ["3.11", "3.12", "3.13", "3.14", "3.14t"] as const;
export type PythonVersion = (typeof pythonVersions)[number];
