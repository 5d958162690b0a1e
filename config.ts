import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { throwAll, together } from "./errors.ts";
import { projectFolder } from "./home.ts";
import { signSetting, trustSetting } from "./lib/attestation/trust-setting.ts";
import { builderProblems, rentedProblems } from "./lib/builders/builder-problems.ts";
import { builderSetting, buildersSetting } from "./lib/builders/builder-setting.ts";
import { compilerCacheSetting } from "./lib/builders/compiler-cache.ts";
import { evidenceSetting, trimProblems } from "./lib/evidence/evidence-setting.ts";
import { compiledKernels, cudaVersions, pythonVersions } from "./lib/gpu/compatibility.ts";
import { generation, generationNames } from "./lib/gpu/generations.ts";
import { trimSetting } from "./lib/gpu/trimming.ts";
import { hostProblems, reachProblems } from "./lib/hosts/host-problems.ts";
import { budgetSetting, hostSetting } from "./lib/hosts/host-setting.ts";
import { modelsSetting, noModels } from "./lib/models/models-setting.ts";
import { refuseClear, refuseSecrets, requireSecrets } from "./lib/plan/secret-settings.ts";
import { encryptedSettings } from "./lib/plan/stack-file.ts";
import { refuseEmptyPassphrase } from "./lib/plan/stack-salt.ts";
import { attentionSetting } from "./lib/recipe/attention-table.ts";
import type { Recipe, RecipeDefaults } from "./lib/recipe/recipe.ts";
import { sourceSettings } from "./lib/recipe/source-settings.ts";
import { compressionSetting } from "./lib/registry/compression.ts";
import { copiesSetting, registrySetting, repeatedRegistries } from "./lib/registry/registry-setting.ts";
import { tagsSetting } from "./lib/registry/tags.ts";
import { parseWithSchema } from "./lib/schema-errors.ts";
import { vulnerabilitiesSetting } from "./lib/vulnerabilities/vulnerability-gate.ts";
import { comfyuiSetting, withComfyUiRef } from "./recipes/comfyui-ref.ts";
import { builtInRecipe, defaultRecipes, findRecipe, type SelectedRecipe } from "./recipes/index.ts";

/** Settings of a stack; README.md has the same as a table. Unknown keys are errors. */
export const settingsSchema = z.strictObject({
  recipe: z.string().optional(),
  generation: z.enum(generationNames).default("cpu"),
  registry: registrySetting.default({ kind: "local", repository: "strata" }),
  copies: copiesSetting.default([]),
  compression: compressionSetting.optional(),
  trim: trimSetting.default(false),
  builder: builderSetting.default("strata"),
  builders: buildersSetting,
  compilerCache: compilerCacheSetting.optional(),
  host: hostSetting,
  budget: budgetSetting,
  base: z.string().optional(),
  python: z.enum(pythonVersions).optional(),
  cuda: z.enum(cudaVersions).optional(),
  attention: attentionSetting.optional(),
  ...sourceSettings,
  comfyui: comfyuiSetting.default({}),
  compile: z.array(z.enum(compiledKernels)).default([]),
  certificates: z.string().default("system"),
  models: modelsSetting.default(noModels),
  evidence: evidenceSetting,
  sign: signSetting.optional(),
  trust: trustSetting.optional(),
  vulnerabilities: vulnerabilitiesSetting.optional(),
  tags: tagsSetting.optional(),
});

/** What holds where neither the stack nor its recipe says anything; attention kernels are the generation's. */
const fallback: Omit<Required<RecipeDefaults>, "attention"> = {
  base: "debian-bookworm",
  python: "3.11",
  cuda: "13.0",
  buildTools: false,
  tags: ["{recipe}-{generation}"],
};

export type Config = Omit<z.output<typeof settingsSchema>, keyof RecipeDefaults | "recipe"> &
  Required<RecipeDefaults> & {
    readonly recipe: string;
    /** The recipe that `recipe` means. */
    readonly selected: SelectedRecipe;
  };

/** What the environment of a run says beside the stack's configuration. */
export interface Environment {
  /** Overrides `strata:recipe` for one run. */
  readonly STRATA_RECIPE?: string | undefined;
  /** Overrides `strata:generation` for one run. */
  readonly STRATA_GENERATION?: string | undefined;
}

/**
 * Checks a stack's configuration.
 *
 * @param raw values by key, `strata:generation` for instance; objects and lists as JSON, as Pulumi stores them
 * @param find gives the recipe of its setting; without it, one of strata's own
 */
export function parseConfig(
  raw: Readonly<Record<string, string>>,
  environment: Environment = {},
  find: (setting: string) => SelectedRecipe = builtInRecipe,
): Config {
  const values = valuesOf(raw, environment);
  const name = (keys: readonly PropertyKey[]) => `strata:${keys.map(String).join(".")}`;
  const title = "Pulumi stack configuration";
  const [settings, selected] = together(title, [
    () => parseWithSchema(settingsSchema, values, name, title),
    () => withComfyUiRef(find(recipeOf(values)), comfyuiRefOf(values)),
  ]);
  const facts = generation(settings.generation);
  throwAll(title, [
    ...repeatedRegistries(settings),
    ...hostProblems(settings.host, facts, settings.budget),
    ...reachProblems(settings.host, settings.registry),
    ...trimProblems(settings),
    ...builderProblems(settings),
    ...rentedProblems(settings),
  ]);
  const open = { attention: facts.attention, ...completeDefaults(selected.recipe) };
  return {
    ...settings,
    recipe: recipeOf(values),
    selected,
    base: settings.base ?? open.base,
    python: settings.python ?? open.python,
    cuda: settings.cuda ?? open.cuda,
    attention: settings.attention ?? open.attention,
    buildTools: settings.buildTools ?? open.buildTools,
    tags: settings.tags ?? open.tags,
  };
}

/** Checks a stack's configuration; its recipe may be a file. @param folder where its path begins */
export async function readConfig(
  raw: Readonly<Record<string, string>>,
  environment: Environment = {},
  folder = process.cwd(),
): Promise<Config> {
  const setting = recipeOf(valuesOf(raw, environment));
  const selection = await findRecipe(setting, folder).catch((error: unknown) => error);
  return parseConfig(raw, environment, () => {
    // What is wrong with the file is told together with the other mistakes.
    if (selection instanceof Error) throw selection;
    return selection as SelectedRecipe;
  });
}

function valuesOf(raw: Readonly<Record<string, string>>, environment: Environment): Record<string, unknown> {
  const strataEntries = Object.entries(raw).filter(([key]) => key.startsWith("strata:"));
  const values = Object.fromEntries(
    strataEntries.map(([key, value]) => [key.slice("strata:".length), decoded(value)]),
  );
  if (environment.STRATA_RECIPE) values.recipe = environment.STRATA_RECIPE;
  if (environment.STRATA_GENERATION) values.generation = environment.STRATA_GENERATION;
  return values;
}

/** The recipe of a stack: its own, else its generation's. What is no text, or no generation, is told by the schema. */
function recipeOf({ recipe, generation: name }: Readonly<Record<string, unknown>>): string {
  if (typeof recipe === "string") return recipe;
  return defaultRecipes[generationNames.find((generation) => generation === name) ?? "cpu"];
}

/** What is no text is told by the schema. */
function comfyuiRefOf({ comfyui }: Readonly<Record<string, unknown>>): string | undefined {
  return comfyuiSetting.safeParse(comfyui).data?.ref;
}

/** A recipe's defaults, and what holds where it has none. */
export function completeDefaults({
  defaults,
}: Pick<Recipe, "defaults">): typeof fallback & Pick<RecipeDefaults, "attention"> {
  return { ...fallback, ...defaults };
}

/** The running stack's configuration. */
export async function loadConfig(): Promise<Config> {
  // Pulumi tells the program in this variable which keys are secrets.
  const secretKeys: string[] = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]");
  refuseSecrets(secretKeys);
  // Tools read settings too, and need not wait for Pulumi's SDK: half a second.
  const pulumi = await import("@pulumi/pulumi");
  const config = await readConfig(pulumi.runtime.allConfig(), process.env);
  const path = `Pulumi.${pulumi.getStack()}.yaml`;
  const file = join(projectFolder, path);
  const stackYaml = existsSync(file) ? readFileSync(file, "utf8") : "";
  const encrypted = encryptedSettings(secretKeys, stackYaml, path);
  refuseClear(config, encrypted);
  requireSecrets(config, encrypted);
  // `make` has looked before it starts Pulumi; whoever types `pulumi up` gets here alone.
  await refuseEmptyPassphrase(pulumi.getStack(), stackYaml, encrypted);
  return config;
}

/** Objects and lists arrive as JSON, booleans and strings as they are. */
function decoded(value: string): unknown {
  if (!/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
