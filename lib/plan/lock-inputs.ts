import { createHash } from "node:crypto";
import { throwAll, UserError } from "../../errors.ts";
import { resolveComfyUi } from "../comfyui/resolve-nodes.ts";
import {
  attentionKernels,
  type CudaVersion,
  compatibilitySet,
  cudaToolchain,
  cudaVersions,
  type PythonVersion,
} from "../gpu/compatibility.ts";
import { generation } from "../gpu/generations.ts";
import type { NodeLock } from "../locks/node-lock.ts";
import { normaliseName, type Requirement, requirementName } from "../locks/python-lock.ts";
import { parseRequirement } from "../locks/requirement.ts";
import { kernelRequirements } from "../recipe/kernels.ts";
import type { LayerContext } from "../recipe/layer.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { wheelBuildRequirements } from "../recipe/source-build.ts";
import { llamaDefaults } from "../recipe/source-settings.ts";
import { gitPackages } from "./context.ts";

/** Which lock a stack uses. */
export interface LockName {
  readonly recipe: string;
  readonly python: PythonVersion;
  /** Absent in the lock of a layer's own environment: nothing in it knows of CUDA. */
  readonly cuda?: CudaVersion;
}

/** What decides a lock: a recipe, or the own environment of a layer under that layer's name. */
export type LockedRecipe = Pick<
  Recipe,
  "name" | "layers" | "buildLayers" | "comfyui" | "resolution" | "defaults"
> & { readonly ownEnvironment?: true };

/** The environments of their own that layers of these recipes have, each once: they are locked apart. */
export function ownEnvironments(recipes: readonly Pick<Recipe, "layers">[]): LockedRecipe[] {
  const layers = new Map(
    recipes.flatMap((recipe) =>
      recipe.layers.filter(({ environment }) => environment).map((layer) => [layer.name, layer]),
    ),
  );
  return [...layers.values()].map((layer) => ({
    name: layer.name,
    ownEnvironment: true,
    buildLayers: [],
    layers: [{ ...layer, python: () => ({ image: layer.environment ?? [] }) }],
  }));
}

/** Where the lock lies, below the repository. */
export function lockPath({ recipe, python, cuda }: LockName): string {
  return `locks/python/${recipe}-py${python}${cuda === undefined ? "" : `-cu${cuda}`}.txt`;
}

/**
 * Every requirement that a recipe can have with this Python and CUDA, over all generations and kernels, with who asks
 * for it: one resolution serves every stack, and a stack takes from it what it needs. Git packages are left out, since
 * no index has them; what they need is in their place.
 */
export function lockRequirements(
  recipe: LockedRecipe,
  { python, cuda }: LockName,
  nodes: NodeLock,
): Requirement[] {
  const set = compatibilitySet(cuda ?? cudaVersions[0]);
  const { additional = [], aliases = {}, gitPackages: inGit = {} } = recipe.resolution ?? {};
  const comfyui = recipe.comfyui ? resolveComfyUi(recipe.comfyui, nodes, {}) : undefined;
  const context: LayerContext = {
    recipe: recipe.name,
    generation: generation("missing" in set.cudaCompiler ? "cpu" : "universal"),
    python,
    set,
    attention: attentionKernels.filter((kernel) => "version" in set.attention[kernel]),
    wheels: {},
    compiled: {},
    llama: { ...llamaDefaults, pin: { version: "", location: "", hash: "" } },
    base: { name: "", digest: "" },
    gitPackages: gitPackages(recipe, nodes, {}),
    ...(comfyui ? { comfyui } : {}),
  };
  const compiles =
    "requirements" in set.cudaCompiler && recipe.layers.some(({ name }) => name === "attention");
  const layers = [...recipe.buildLayers, ...recipe.layers].flatMap((layer): Requirement[] => {
    const { image = [], remaining = [], build = [] } = layer.python?.(context) ?? {};
    return [...image, ...remaining, ...build].map((line) => ({ line, by: `layer ${layer.name}` }));
  });
  const all: Requirement[] = [
    ...layers,
    ...(comfyui ? [comfyui, ...comfyui.nodes].flatMap(({ requirements }) => requirements) : []),
    ...additional.map(({ requirement, reason }) => ({ line: requirement, by: `recipe (${reason})` })),
    ...Object.entries(inGit).flatMap(([name, { requires }]) =>
      requires.map((line) => ({ line, by: `git package ${name}` })),
    ),
    ...Object.entries(aliases).map(([alias, { of }]) => ({
      line: of,
      by: `recipe (stands in for ${alias})`,
    })),
    ...(comfyui || compiles
      ? wheelBuildRequirements.map((line) => ({ line, by: "wheels built from source" }))
      : []),
    ...(compiles ? [...cudaToolchain(set), ...kernelRequirements] : []).map((line) => ({
      line,
      by: "kernels compiled from source",
    })),
  ];
  throwAll(lockPath({ recipe: recipe.name, python, ...(cuda ? { cuda } : {}) }), nameless(all));
  const gitNames = new Set(Object.keys(inGit).map(normaliseName));
  return all.filter(({ line }) => !gitNames.has(requirementName(line)));
}

function nameless(requirements: readonly Requirement[]): UserError[] {
  const remedy =
    "Take a node's line otherwise (`replace` in the recipe, with a reason), or correct your own.";
  return requirements
    .filter(({ line }) => !parseRequirement(line))
    .map(
      ({ line, by }) => new UserError(by, `asks for "${line}", which is not a Python requirement.`, remedy),
    );
}

/** What decides a Python lock, one line each, sorted: its requirements and its aliases. */
export function lockInputs(recipe: LockedRecipe, name: LockName, nodes: NodeLock): string[] {
  const aliases = Object.entries(recipe.resolution?.aliases ?? {});
  return [
    ...new Set([
      ...lockRequirements(recipe, name, nodes).map(({ line }) => line),
      ...aliases.map(([alias, { of }]) => `${alias} is ${of}`),
    ]),
  ].sort();
}

/**
 * The first lines of a lock: what it is, every remedy of the recipe with its reason, and two hashes that show when it
 * no longer fits its inputs or was edited by hand.
 *
 * @param coolDown how old everything had to be that it took; undefined where that did not count
 */
export function lockHeader(
  name: LockName,
  recipe: LockedRecipe,
  inputs: readonly string[],
  body: string,
  coolDown?: string,
): string {
  return [
    `# Python packages of ${name.recipe}, Python ${name.python}${name.cuda ? `, CUDA ${name.cuda}` : ""}. Made by \`npm run lock -- python\`.`,
    `# inputs: ${hash([...inputs, ...remedies(recipe)].join("\n"))}`,
    `# content: ${hash(coolDown === undefined ? body : `${coolDown}\n${body}`)}`,
    ...(coolDown === undefined ? [] : [`# cool-down: ${coolDown}`]),
    ...remedies(recipe).map((line) => `# ${line}`),
    "",
  ].join("\n");
}

/** What is wrong with a lock file, if anything: made for other requirements, or edited. */
export function lockProblem(
  name: LockName,
  recipe: LockedRecipe,
  inputs: readonly string[],
  text: string,
): UserError | undefined {
  const lines = text.split("\n");
  const said = (field: string) =>
    lines.find((line) => line.startsWith(`# ${field}: `))?.slice(field.length + 4);
  const path = lockPath(name);
  if (said("inputs") !== hash([...inputs, ...remedies(recipe)].join("\n"))) {
    return new UserError(path, "was made for other requirements.", "Run `npm run lock -- python`.");
  }
  const end = lines.findIndex((line) => !line.startsWith("#"));
  const body = lines.slice(end).join("\n");
  // The header holds the body's hash.
  if (text !== `${lockHeader(name, recipe, inputs, body, said("cool-down"))}${body}`) {
    return new UserError(path, "was edited by hand.", "Run `npm run lock -- python`.");
  }
  return undefined;
}

/** What a recipe does about metadata that is wrong or silent, for people who read the lock. */
function remedies({ comfyui, resolution }: LockedRecipe): string[] {
  const nodes = comfyui?.groups.flatMap((group) => group.nodes) ?? [];
  return [
    ...(resolution?.additional ?? []).map(({ requirement, reason }) => `added: ${requirement} (${reason})`),
    ...Object.entries(resolution?.aliases ?? {}).map(
      ([alias, { of, reason }]) => `alias: ${of} stands in for ${alias} (${reason})`,
    ),
    ...nodes.flatMap(({ repository, replace = {} }) =>
      Object.entries(replace).map(
        ([line, { use, reason }]) =>
          `replaced: ${repository} "${line}" by ${use.length > 0 ? use.join(", ") : "nothing"} (${reason})`,
      ),
    ),
  ];
}

function hash(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
