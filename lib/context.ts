import { throwAll, UserError } from "../errors.ts";
import {
  type AttentionKernel,
  type CudaVersion,
  compatibilitySet,
  type PythonVersion,
} from "./compatibility.ts";
import { type GenerationName, generation } from "./generations.ts";
import type { LayerContext, LlamaSource } from "./layer.ts";
import type { SourceLock } from "./source-lock.ts";

/** What a stack may decide; `config.ts` reads it, and has checked each value on its own. */
export interface Choices {
  readonly recipe: string;
  readonly generation: GenerationName;
  readonly python: PythonVersion;
  readonly cuda: CudaVersion;
  readonly attention: readonly AttentionKernel[];
  readonly llama: {
    readonly source: LlamaSource;
    /** Commit of the git source, where the lock does not have it. */
    readonly commit?: string | undefined;
    readonly vmm: boolean;
  };
  /** URL prefix to replace, and what replaces it. */
  readonly mirrors: Readonly<Record<string, string>>;
}

/** A base image as locks/images.json has it, or as it was made on this machine. */
export interface BaseImage {
  readonly name: string;
  /** `repository@sha256:…` */
  readonly reference: string;
  readonly python: string;
}

/** Brings a stack's choices together with the locks; throws all that does not fit. */
export function layerContext(choices: Choices, base: BaseImage, sources: SourceLock): LayerContext {
  const facts = generation(choices.generation);
  const set = compatibilitySet(choices.cuda);
  throwAll("Pulumi stack", [
    ...(base.python === choices.python
      ? []
      : [
          new UserError(
            "strata:python",
            `the base image ${base.name} brings Python ${base.python}, not ${choices.python}.`,
            `Set strata:python to "${base.python}", or choose another strata:base.`,
          ),
        ]),
    ...(facts.computeCapabilities.length > 0 && "missing" in set.cudaCompiler
      ? [
          new UserError(
            "strata:cuda",
            `${choices.cuda} cannot compile llama.cpp for ${facts.name}: ${set.cudaCompiler.missing}.`,
            'Set strata:cuda to "13.0".',
          ),
        ]
      : []),
    ...choices.attention.flatMap((kernel) => {
      const wheel = set.attention[kernel];
      return "version" in wheel
        ? []
        : [
            new UserError(
              "strata:attention",
              `no ${kernel} for CUDA ${choices.cuda}: ${wheel.missing}.`,
              `Remove it, or set strata:cuda to a version that has it (docs/adr/0005-compatibility-sets.md).`,
            ),
          ];
    }),
    ...(choices.llama.source === "git" && !gitCommit(choices, sources)
      ? [
          new UserError(
            "strata:llama",
            `the commit of llama.cpp ${sources.llamaCpp.git.tag} is not known to locks/sources.json.`,
            `Give it: {"source": "git", "commit": "<40 hex digits>"}; git ls-remote ${sources.llamaCpp.git.repository} ${sources.llamaCpp.git.tag} prints it.`,
          ),
        ]
      : []),
  ]);
  return {
    recipe: choices.recipe,
    generation: facts,
    python: choices.python,
    set,
    attention: choices.attention,
    llama: { source: choices.llama.source, vmm: choices.llama.vmm, pin: llamaPin(choices, sources) },
    base: { name: base.name, digest: base.reference.split("@")[1] ?? "" },
  };
}

/** Replaces the longest prefix of `address` that a mirror is given for. */
export function mirrored(address: string, mirrors: Readonly<Record<string, string>>): string {
  const prefix = Object.keys(mirrors)
    .filter((candidate) => address.startsWith(candidate))
    .sort((a, b) => b.length - a.length)[0];
  return prefix === undefined ? address : `${mirrors[prefix]}${address.slice(prefix.length)}`;
}

function gitCommit({ llama }: Choices, sources: SourceLock): string | null {
  return llama.commit ?? sources.llamaCpp.git.commit;
}

function llamaPin(choices: Choices, sources: SourceLock): LayerContext["llama"]["pin"] {
  const { sdist, git } = sources.llamaCpp;
  if (choices.llama.source === "sdist") {
    return { version: `${sdist.package}-${sdist.version}`, location: sdist.version, hash: sdist.sha256 };
  }
  return {
    version: git.tag,
    location: mirrored(git.repository, choices.mirrors),
    hash: gitCommit(choices, sources) ?? "",
  };
}
