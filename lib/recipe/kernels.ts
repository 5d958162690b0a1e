import { UserError } from "../../errors.ts";
import {
  type AttentionKernel,
  type CompatibilitySet,
  type CompiledKernel,
  compiledKernels,
  type PythonVersion,
} from "../gpu/compatibility.ts";
import type { Generation } from "../gpu/generations.ts";
import { normaliseName, type PythonLock, requirementName } from "../locks/python-lock.ts";
import type { SourceLock } from "../locks/source-lock.ts";
import { mirrored } from "../mirrors.ts";
import { wheelFits } from "./wheel-names.ts";

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
const facts: { readonly [kernel in AttentionKernel]?: KernelFacts } = {
  "flash-attn": { capability: "8.0", cards: "Ampere", requires: ["einops"] },
  sageattention: { capability: "8.0", cards: "Ampere", requires: [] },
  nunchaku: { capability: "7.5", cards: "Turing", requires: [] },
};

/** Those of the compute capabilities that a kernel's compiled part runs on. */
export function runnableOn(kernel: AttentionKernel, capabilities: readonly string[]): string[] {
  const lowest = Number(facts[kernel]?.capability ?? 0);
  return capabilities.filter((capability) => Number(capability) >= lowest);
}

/** What kernels need that a stack brings itself, all of them. */
export const kernelRequirements: readonly string[] = Object.values(facts).flatMap(({ requires }) => requires);

/** What the choice of kernels is judged by. */
export interface KernelChoice {
  readonly attention: readonly AttentionKernel[];
  readonly wheels: PinnedWheels;
  readonly compile: readonly CompiledKernel[];
  readonly python: PythonVersion;
  readonly generation: Generation;
  readonly set: CompatibilitySet;
}

/** glibc of the oldest base image, Debian bookworm's. */
const glibc = "2.36";

/** Everything that does not fit between the kernels of a stack, their wheels, its cards and its Python. */
export function kernelProblems(choice: KernelChoice): UserError[] {
  const { attention, wheels, compile, set } = choice;
  const unused = Object.keys(wheels).filter((name) => !attention.some((kernel) => kernel === name));
  return [
    ...attention.flatMap((kernel) => [...cardProblems(kernel, choice), ...missingWheel(kernel, choice)]),
    ...attention.flatMap((kernel) => wheelProblems(kernel, wheels[kernel], choice.python)),
    ...compile.flatMap((kernel) => compileProblems(kernel, choice)),
    ...(compile.length > 0 && "missing" in set.cudaCompiler
      ? [
          new UserError(
            "strata:compile",
            `CUDA ${set.cuda} cannot compile kernels: ${set.cudaCompiler.missing}.`,
            'Set strata:cuda to "13.0", or remove it.',
          ),
        ]
      : []),
    ...unused.map(
      (name) =>
        new UserError(
          `strata:wheels.${name}`,
          "is not used.",
          `Add "${name}" to strata:attention, or remove it.`,
        ),
    ),
  ];
}

/** What the index has as a wheel runs on any card, or is refused with its CUDA version. */
function cardProblems(
  kernel: AttentionKernel,
  { wheels, compile, set, generation }: KernelChoice,
): UserError[] {
  const { capability, cards } = facts[kernel] ?? {};
  const isCompiled =
    wheels[kernel] !== undefined || isOneOf(kernel, compile) || "missing" in set.attention[kernel];
  if (!capability || !isCompiled) return [];
  if (runnableOn(kernel, generation.computeCapabilities).length > 0) return [];
  return [
    new UserError(
      "strata:attention",
      `${kernel} runs on ${cards} (${capability}) and later, not on ${generation.name} (${generation.cards}).`,
      "Remove it, or choose another strata:generation.",
    ),
  ];
}

function isOneOf(kernel: AttentionKernel, compile: readonly AttentionKernel[]): boolean {
  return compile.includes(kernel);
}

function compileProblems(kernel: CompiledKernel, { attention, wheels }: KernelChoice): UserError[] {
  return [
    ...(isOneOf(kernel, attention)
      ? []
      : [
          new UserError(
            "strata:compile",
            `${kernel} is not used.`,
            `Add "${kernel}" to strata:attention, or remove it.`,
          ),
        ]),
    ...(wheels[kernel]
      ? [
          new UserError(
            "strata:compile",
            `${kernel} has a pinned wheel as well.`,
            `Remove "${kernel}", or strata:wheels.${kernel}.`,
          ),
        ]
      : []),
  ];
}

function missingWheel(kernel: AttentionKernel, { wheels, compile, set }: KernelChoice): UserError[] {
  const wheel = set.attention[kernel];
  if ("version" in wheel || wheels[kernel] || isOneOf(kernel, compile)) return [];
  const orCompile = isOneOf(kernel, compiledKernels)
    ? `, or have it compiled, which takes hours: strata:compile ["${kernel}"]`
    : "";
  return [
    new UserError(
      "strata:attention",
      `no ${kernel} for CUDA ${set.cuda}: ${wheel.missing}.`,
      `Remove it, or pin a wheel of it: strata:wheels {"${kernel}": {"url": …, "sha256": …, "version": …}}${orCompile}.`,
    ),
  ];
}

/** The file's name has to say the same as the setting, and fit this Python. */
function wheelProblems(
  kernel: AttentionKernel,
  wheel: PinnedWheel | undefined,
  python: PythonVersion,
): UserError[] {
  if (!wheel) return [];
  const path = `strata:wheels.${kernel}`;
  const file = wheelFile(wheel);
  const [, name = "", version = ""] = /^([^-]+)-([^-]+)-/.exec(file) ?? [];
  if (normaliseName(name) !== kernel || !file.endsWith(".whl")) {
    return [
      new UserError(
        path,
        `${file} is no wheel of ${kernel}.`,
        "Give the address of a wheel, …/name-version-….whl.",
      ),
    ];
  }
  return [
    ...(version === wheel.version
      ? []
      : [
          new UserError(
            path,
            `${file} is version ${version}, not ${wheel.version}.`,
            "Correct url or version.",
          ),
        ]),
    ...(wheelFits(file, { python, glibc })
      ? []
      : [
          new UserError(
            path,
            `${file} is not for Python ${python} on x86-64.`,
            "Choose the file for this Python.",
          ),
        ]),
  ];
}

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
    const needed = ["torch", ...(facts[name as AttentionKernel]?.requires ?? [])].map(requirementName);
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
