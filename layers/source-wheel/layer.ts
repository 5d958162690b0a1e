import { cudaToolchain } from "../../lib/gpu/compatibility.ts";
import { type Distribution, normaliseName } from "../../lib/locks/python-lock.ts";
import { addGit, runInstruction, stageDockerfile, stageMounts } from "../../lib/recipe/dockerfile.ts";
import { runnableOn } from "../../lib/recipe/kernels.ts";
import type { Layer, LayerContext, Weight } from "../../lib/recipe/layer.ts";
import { wheelBuildRequirements } from "../../lib/recipe/source-build.ts";

/** What building a package needs beyond a compiler. */
export interface BuildNeeds {
  /** Its setup imports torch, so it is built again when torch changes. */
  readonly torch?: true;
  /** That it compiles for long. */
  readonly weight?: Weight;
  /** It compiles CUDA code; given the stack's compute capabilities, what for. */
  readonly cuda?: (capabilities: readonly string[]) => CudaTarget;
  readonly environment?: Readonly<Record<string, string>>;
  /** CMake's variables, for a setup that passes none on: they stand in a toolchain file, which CMake itself looks for. */
  readonly cmake?: Readonly<Record<string, string>>;
}

/** What a package with CUDA code is compiled for. */
interface CudaTarget {
  /** Exactly these are in its libraries afterwards, as the build checks. */
  readonly capabilities: readonly string[];
  /** How its setup is told, where TORCH_CUDA_ARCH_LIST is not heeded. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Its setup knows one set of code a generation of cards: 8.0 runs on all of 8.x. */
function flashAttention(capabilities: readonly string[]): CudaTarget {
  const runnable = runnableOn("flash-attn", capabilities);
  const targets = [...new Set(runnable.map((capability) => `${capability.split(".")[0]}.0`))];
  return {
    capabilities: targets,
    environment: {
      // Else it looks for a wheel on the network first.
      FLASH_ATTENTION_FORCE_BUILD: "TRUE",
      FLASH_ATTN_CUDA_ARCHS: targets.map((capability) => capability.replace(".", "")).join(";"),
    },
  };
}

/** One nvcc of such kernels; build.sh starts as many as fit by it. */
const kernelWeight: Weight = { compilerMemory: 5e9 };

/** By normalised name; what is not listed needs nothing but Python and a compiler. */
const buildNeeds: Readonly<Record<string, BuildNeeds>> = {
  dlib: {
    // An estimate: one g++ of its templates.
    weight: { compilerMemory: 2e9 },
    cmake: {
      // CUDA would be found and used silently; the nodes that want dlib detect faces on the CPU.
      DLIB_USE_CUDA: "OFF",
      // Else it takes what the processor of the builder has, and the wheel is another one on each machine.
      USE_AVX_INSTRUCTIONS: "OFF",
      USE_SSE4_INSTRUCTIONS: "ON",
      // Its CMakeLists.txt means to switch this off, by a variable that its pybind11 sets anew: minutes of linking.
      CMAKE_INTERPROCEDURAL_OPTIMIZATION: "OFF",
    },
  },
  "groundingdino-py": { torch: true, environment: { CUDA_VISIBLE_DEVICES: "" } },
  fairscale: { torch: true },
  "flash-attn": { torch: true, weight: kernelWeight, cuda: flashAttention },
  sageattention: {
    torch: true,
    weight: kernelWeight,
    cuda: (capabilities) => ({ capabilities: runnableOn("sageattention", capabilities) }),
  },
};

/** The build-only layer that makes one package into a wheel, cached by all that decides it. */
export function sourceWheel(
  { name, version, hashes }: Distribution,
  needs: BuildNeeds = buildNeeds[name] ?? {},
): Layer {
  const git = ({ gitPackages }: LayerContext) => gitPackages[name];
  const target = ({ generation }: LayerContext) => needs.cuda?.(generation.computeCapabilities);
  return {
    name: wheelStage(name),
    folder: "source-wheel",
    summary: `${name} ${version}, built from source`,
    role: "build",
    weight: () => needs.weight,
    parents: () => ["toolbox", ...(needs.torch || needs.cuda ? ["cuda", "torch"] : [])],
    shared: [
      "shared/trust.sh",
      "shared/fetch_sdist.py",
      "shared/finish.sh",
      ...(needs.cuda ? ["shared/assemble-cuda.sh", "shared/gpu_code.py"] : []),
    ],
    args: (context) => ({
      PYTHON: context.python,
      NAME: name,
      VERSION: version,
      HASHES: hashes.map((hash) => hash.replace("sha256:", "")).join(" "),
      ENVIRONMENT: Object.entries({
        ...needs.environment,
        ...target(context)?.environment,
        ...(needs.cmake ? { CMAKE_TOOLCHAIN_FILE: `/context/${toolchainFile}` } : {}),
      })
        .map(([key, value]) => `export ${key}='${value}'`)
        .join("; "),
      // Only what compiles CUDA code is built again for another generation.
      CUDA_ARCHITECTURES: target(context)?.capabilities.join(";") ?? "",
    }),
    pins: (context) => ({ [name]: git(context)?.commit ?? hashes.join(" ") }),
    python: ({ set }) => ({
      build: [...wheelBuildRequirements, ...(needs.cuda ? cudaToolchain(set) : [])],
    }),
    generated: (): Record<string, string> =>
      needs.cmake ? { [toolchainFile]: toolchainOf(needs.cmake) } : {},
    dockerfile: (parents, context) => wheelDockerfile(name, parents, git(context)),
  };
}

/** @param source the repository at its commit, for a package that is only in git */
function wheelDockerfile(
  name: string,
  parents: readonly string[],
  source: Parameters<typeof addGit>[0] | undefined,
): string {
  const fetching = ["--mount=type=secret,id=ca", "--mount=type=bind,target=/context"];
  const compiling = [
    "--network=none",
    "--mount=type=bind,target=/context",
    // Of this package alone: what its build scripts put there is compiled into nothing else.
    `--mount=type=cache,id=strata-ccache-${name},target=/root/.cache/ccache`,
    ...(source ? ["--mount=type=bind,from=source,target=/git"] : []),
    ...stageMounts(parents),
  ];
  return stageDockerfile([
    `# ${name} as a wheel.`,
    ...(source ? ["FROM scratch AS source", addGit(source)] : ["FROM toolbox AS source"]),
    "",
    "FROM toolbox AS build",
    ...wheelArguments.map((arg) => `ARG ${arg}`),
    runInstruction(fetching, "sh -eu /context/fetch.sh"),
    runInstruction(compiling, "bash -eu /context/build.sh"),
  ]);
}

const wheelArguments = [
  "SOURCE_DATE_EPOCH",
  "PYTHON",
  "NAME",
  "VERSION",
  "HASHES",
  "ENVIRONMENT",
  "CUDA_ARCHITECTURES",
];

const toolchainFile = "toolchain.cmake";

/** In the cache, where a default of the package's own does not replace them. */
function toolchainOf(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `set(${name} "${value}" CACHE STRING "")\n`)
    .join("");
}

/** Name of the stage that builds a package. */
export function wheelStage(name: string): string {
  return `wheel-${normaliseName(name)}`;
}
