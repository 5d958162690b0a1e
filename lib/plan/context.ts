import { throwAll, UserError } from "../../errors.ts";
import { resolveComfyUi } from "../comfyui/resolve-nodes.ts";
import {
  type AttentionKernel,
  type CompiledKernel,
  type CudaVersion,
  compatibilitySet,
  type PythonVersion,
} from "../gpu/compatibility.ts";
import { type GenerationName, generation } from "../gpu/generations.ts";
import type { AptLock } from "../locks/apt-lock.ts";
import type { BaseImage } from "../locks/image-lock.ts";
import type { NodeLock } from "../locks/node-lock.ts";
import { normaliseName } from "../locks/python-lock.ts";
import type { SourceLock } from "../locks/source-lock.ts";
import { mirrored } from "../mirrors.ts";
import type { ModelsSetting } from "../models/models-setting.ts";
import { interpreterPin, interpreterProblems } from "../recipe/interpreter.ts";
import { kernelProblems } from "../recipe/kernel-problems.ts";
import { compiledSources, kernelsInGit, mirroredWheels, type PinnedWheels } from "../recipe/kernels.ts";
import type { LayerContext, LlamaSource } from "../recipe/layer.ts";
import { gitCommit, llamaPin } from "../recipe/llama-pin.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { CloudflaredSetting, CpythonSetting, TensorRtSetting } from "../recipe/source-settings.ts";
import { stackFiles, tensorrtProblems } from "../recipe/stack-files.ts";
import type { Compression } from "../registry/compression.ts";
import type { RegistrySetting } from "../registry/registry-setting.ts";

/** What a stack may decide; `config.ts` reads it, and has checked each value on its own. */
export interface Choices {
  /** The name of a built-in recipe, or the file of an external one. */
  readonly recipe: string;
  readonly generation: GenerationName;
  readonly python: PythonVersion;
  readonly cuda: CudaVersion;
  readonly attention: readonly AttentionKernel[];
  readonly wheels: PinnedWheels;
  /** Kernels to compile from source. @default none */
  readonly compile?: readonly CompiledKernel[];
  readonly llama: {
    readonly enabled: boolean;
    readonly source: LlamaSource;
    /** Commit of the git source, where the lock does not have it. */
    readonly commit?: string | undefined;
    readonly ui: boolean;
    readonly vmm: boolean;
  };
  /** URL prefix to replace, and what replaces it. */
  readonly mirrors: Readonly<Record<string, string>>;
  /** @default the release of locks/sources.json */
  readonly cloudflared?: CloudflaredSetting | undefined;
  /** @default as python-build-standalone releases it */
  readonly cpython?: CpythonSetting | undefined;
  /** @default none */
  readonly tensorrt?: TensorRtSetting | undefined;
  /** @default none */
  readonly models?: ModelsSetting;
  /** Whether one login stands before the services. @default false */
  readonly door?: boolean;
  /** Whether a running container can compile packages. @default false */
  readonly buildTools?: boolean;
  /** Where images go; it decides how large a layer may be. @default one without limits */
  readonly registry?: RegistrySetting;
  /** Where products are copied to; they decide too. @default none */
  readonly copies?: readonly RegistrySetting[];
  /** Whether packages lose GPU code for other cards. @default false */
  readonly trim?: boolean;
  /** How layers are packed. @default by how often each changes */
  readonly compression?: Compression | undefined;
}

/** What a stack's choices are brought together with. */
export interface ContextSources {
  readonly recipe: Pick<Recipe, "layers" | "comfyui" | "resolution">;
  readonly base: BaseImage;
  /** The base's packages. @default they are not locked */
  readonly apt?: AptLock;
  /** The base images that there are, by name. @default none beside `base` */
  readonly bases?: Readonly<Record<string, Pick<BaseImage, "python">>>;
  readonly sources: SourceLock;
  readonly nodes: NodeLock;
}

/** Brings a stack's choices together with the locks; throws all that does not fit. */
export function layerContext(stack: Choices, given: ContextSources): LayerContext {
  const { recipe, base, apt, sources, nodes } = given;
  // A recipe without llama.cpp has none, whatever the stack says: nothing compiles it, starts it or asks for it.
  const has = (layer: string) => recipe.layers.some(({ name }) => name === layer);
  const enabled = stack.llama.enabled && has("llama-cpp");
  const choices: Choices = { ...stack, llama: { ...stack.llama, enabled } };
  const { compression } = choices;
  throwAll("Pulumi stack", choiceProblems(choices, given));
  const compiled = compiledSources(choices.compile ?? [], sources.kernels, choices.mirrors);
  return {
    recipe: choices.recipe,
    generation: generation(choices.generation),
    python: choices.python,
    set: compatibilitySet(choices.cuda),
    attention: choices.attention,
    wheels: mirroredWheels(choices.wheels, choices.mirrors),
    llama: {
      enabled,
      source: choices.llama.source,
      ui: choices.llama.ui,
      vmm: choices.llama.vmm,
      pin: llamaPin(choices, sources),
    },
    base: { name: base.name, digest: base.reference.split("@")[1] ?? "" },
    ...(apt ? { apt } : {}),
    compiled,
    gitPackages: { ...gitPackages(recipe, nodes, choices.mirrors), ...kernelsInGit(compiled) },
    ...(recipe.comfyui ? { comfyui: resolveComfyUi(recipe.comfyui, nodes, choices.mirrors) } : {}),
    ...(has("runpod-worker") ? { runpod: true } : {}),
    ...(choices.door ? { door: true } : {}),
    ...(choices.buildTools ? { buildTools: true } : {}),
    ...(has("instance") ? { instance: true } : {}),
    ...stackFiles(choices, sources, has),
    ...interpreterPin(choices, given),
    ...(choices.trim ? { trim: true } : {}),
    ...(compression ? { compression } : {}),
  };
}

/** What of a stack's choices does not go together, or is in no lock. */
function choiceProblems(choices: Choices, given: ContextSources): UserError[] {
  const { sources } = given;
  const facts = generation(choices.generation);
  const set = compatibilitySet(choices.cuda);
  const { compile = [] } = choices;
  return [
    ...interpreterProblems(choices, given),
    ...(choices.llama.enabled && facts.computeCapabilities.length > 0 && "missing" in set.cudaCompiler
      ? [
          new UserError(
            "strata:cuda",
            `${choices.cuda} cannot compile llama.cpp for ${facts.name}: ${set.cudaCompiler.missing}.`,
            'Set strata:cuda to "13.0".',
          ),
        ]
      : []),
    ...tensorrtProblems(choices.tensorrt, set),
    ...kernelProblems({ ...choices, compile, generation: facts, set }),
    ...(choices.llama.enabled && choices.llama.source === "git" && !gitCommit(choices, sources)
      ? [
          new UserError(
            "strata:llama",
            `the commit of llama.cpp ${sources.llamaCpp.git.tag} is not known to locks/sources.json.`,
            `Give it: {"source": "git", "commit": "<40 hex digits>"}; git ls-remote ${sources.llamaCpp.git.repository} ${sources.llamaCpp.git.tag} prints it.`,
          ),
        ]
      : []),
  ];
}

/** A recipe's git packages at their commits; throws for those that the lock does not have. */
export function gitPackages(
  recipe: Pick<Recipe, "resolution">,
  nodes: NodeLock,
  mirrors: Choices["mirrors"],
): LayerContext["gitPackages"] {
  const names = Object.keys(recipe.resolution?.gitPackages ?? {});
  throwAll(
    "locks/nodes.json",
    names
      .filter((name) => !nodes.packages[name])
      .map((name) => new UserError(name, "is not in the lock.", "Run `npm run lock -- nodes`.")),
  );
  return Object.fromEntries(
    names.map((name) => {
      const { repository = "", commit = "", version = "" } = nodes.packages[name] ?? {};
      return [normaliseName(name), { location: mirrored(repository, mirrors), commit, version }];
    }),
  );
}
