import { UserError } from "../../errors.ts";
import type { AttentionKernel, CompiledKernel } from "../gpu/compatibility.ts";
import { type PythonLock, requirementName } from "../locks/python-lock.ts";
import type { SourceLock } from "../locks/source-lock.ts";
import { mirrored } from "../mirrors.ts";

/** A wheel that a stack brings itself, since the index has none that fits. */
export interface PinnedWheel {
  readonly url: string;
  /** 64 hex digits. */
  readonly sha256: string;
  /** As the file's name has it, `2.8.3+cu13torch2.12` for instance. */
  readonly version: string;
}

/** By the name of the package. */
export type PinnedWheels = { readonly [kernel in AttentionKernel]?: PinnedWheel };

/** A kernel that is compiled from its pinned source, for the stack's cards alone. */
export interface CompiledSource {
  readonly version: string;
  /** Of the source distribution; none where `git` says where the source is. */
  readonly sha256?: string;
  readonly git?: { readonly location: string; readonly commit: string };
}

/** By the name of the package. */
export type CompiledSources = { readonly [kernel in AttentionKernel]?: CompiledSource };

/** What holds for a kernel's compiled part, whatever its version. */
interface KernelFacts {
  /** The lowest compute capability that it runs on. */
  readonly capability: string;
  /** The cards of that capability, for people. */
  readonly cards: string;
  /** What its package asks for beside torch. */
  readonly requires: readonly string[];
}

/**
 * Facts of those that can be pinned: the two that torch's wheels bring along or load with on any card have none.
 * flash-attn: https://github.com/Dao-AILab/flash-attention, SageAttention: https://github.com/thu-ml/SageAttention,
 * nunchaku: https://github.com/nunchaku-tech/nunchaku
 */
export const kernelFacts: { readonly [kernel in AttentionKernel]?: KernelFacts } = {
  "flash-attn": { capability: "8.0", cards: "Ampere", requires: ["einops"] },
  sageattention: { capability: "8.0", cards: "Ampere", requires: [] },
  nunchaku: { capability: "7.5", cards: "Turing", requires: [] },
};

/** Those of the compute capabilities that a kernel's compiled part runs on. */
export function runnableOn(kernel: AttentionKernel, capabilities: readonly string[]): string[] {
  const lowest = Number(kernelFacts[kernel]?.capability ?? 0);
  return capabilities.filter((capability) => Number(capability) >= lowest);
}

/** What kernels need that a stack brings itself, all of them. */
export const kernelRequirements: readonly string[] = Object.values(kernelFacts).flatMap(
  ({ requires }) => requires,
);

/** The name of a wheel's file, which says what it is for. */
export function wheelFile({ url }: Pick<PinnedWheel, "url">): string {
  return decodeURIComponent(
    url
      .replace(/[?#].*$/, "")
      .split("/")
      .at(-1) ?? "",
  );
}

/** The wheels of a stack where they are fetched from. */
export function mirroredWheels(
  wheels: PinnedWheels,
  mirrors: Readonly<Record<string, string>>,
): PinnedWheels {
  return Object.fromEntries(
    Object.entries(wheels).map(([kernel, wheel]) => [
      kernel,
      { ...wheel, url: mirrored(wheel.url, mirrors) },
    ]),
  );
}

/**
 * The lock with a stack's own kernels in place of what it has under their names: pinned wheels, and those compiled from
 * source. Throws for what they need and it lacks.
 */
export function withKernels(
  lock: PythonLock,
  { wheels, compiled }: { readonly wheels: PinnedWheels; readonly compiled: CompiledSources },
  path: string,
): PythonLock {
  const joined = new Map(lock);
  const kernels = [
    ...Object.entries(wheels).map(([name, wheel]) => ({ ...wheel, name, setting: `strata:wheels.${name}` })),
    ...Object.entries(compiled).map(([name, source]) => ({ ...source, name, setting: "strata:compile" })),
  ];
  for (const { name, setting, version, sha256 } of kernels) {
    const needed = ["torch", ...(kernelFacts[name as AttentionKernel]?.requires ?? [])].map(requirementName);
    for (const other of needed) {
      const distribution = joined.get(other);
      if (!distribution) {
        throw new UserError(
          setting,
          `${name} needs ${other}, which ${path} does not hold.`,
          "Choose a recipe that has it, or name it in a recipe of your own.",
        );
      }
      joined.set(other, { ...distribution, requiredBy: [...distribution.requiredBy, name] });
    }
    joined.set(name, {
      name,
      version,
      hashes: sha256 ? [`sha256:${sha256}`] : [],
      requiredBy: lock.get(name)?.requiredBy ?? [],
      ...(name in wheels ? { fromSource: false, pinned: true } : { fromSource: true }),
    });
  }
  return joined;
}

/** The sources of the kernels that a stack compiles, mirrors applied. */
export function compiledSources(
  compile: readonly CompiledKernel[],
  lock: SourceLock["kernels"],
  mirrors: Readonly<Record<string, string>>,
): CompiledSources {
  return Object.fromEntries(
    compile.map((kernel): [string, CompiledSource] => {
      const source = lock[kernel];
      if ("sha256" in source) return [kernel, source];
      const { version, repository, commit } = source;
      return [kernel, { version, git: { location: mirrored(repository, mirrors), commit } }];
    }),
  );
}

/** Those that are built from a commit, as git packages are. */
export function kernelsInGit(
  compiled: CompiledSources,
): Record<string, { readonly location: string; readonly commit: string; readonly version: string }> {
  return Object.fromEntries(
    Object.entries(compiled).flatMap(([name, { version, git }]) =>
      git ? [[name, { ...git, version }]] : [],
    ),
  );
}
