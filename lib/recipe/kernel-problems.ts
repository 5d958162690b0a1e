import { UserError } from "../../errors.ts";
import {
  type AttentionKernel,
  type CompatibilitySet,
  type CompiledKernel,
  compiledKernels,
  type PythonVersion,
} from "../gpu/compatibility.ts";
import type { Generation } from "../gpu/generations.ts";
import { normaliseName } from "../locks/python-lock.ts";
import { kernelFacts, type PinnedWheel, type PinnedWheels, runnableOn, wheelFile } from "./kernels.ts";
import { wheelFits } from "./wheel-names.ts";

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

/** A kernel that none of the stack's cards runs; SageAttention 1 is of the index, and not for Turing with this Triton. */
function cardProblems(
  kernel: AttentionKernel,
  { wheels, compile, set, generation }: KernelChoice,
): UserError[] {
  const { capability, cards } = kernelFacts[kernel] ?? {};
  const isCompiled =
    wheels[kernel] !== undefined || isOneOf(kernel, compile) || "missing" in set.attention[kernel];
  if (!capability) return [];
  // The index's wheel of it is for any card but where it was seen not to run; without cards nothing has to.
  const isWheelForCards = !isCompiled && generation.computeCapabilities.length > 0;
  if (!isCompiled && !isWheelForCards) return [];
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
