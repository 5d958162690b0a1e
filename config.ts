import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { z } from "zod";
import { throwAll, together, UserError } from "./errors.ts";
import { additionalCertificates } from "./lib/certificates.ts";
import { evidenceSetting } from "./lib/evidence/evidence-setting.ts";
import { remoteAddress } from "./lib/git-remote.ts";
import { attentionKernels, compiledKernels, cudaVersions, pythonVersions } from "./lib/gpu/compatibility.ts";
import { generation, generationNames } from "./lib/gpu/generations.ts";
import { budgetSetting, hostProblems, hostSetting } from "./lib/hosts/host-setting.ts";
import { modelsSetting, noModels } from "./lib/models/models-setting.ts";
import type { Recipe, RecipeDefaults } from "./lib/recipe/recipe.ts";
import { redact } from "./lib/redact.ts";
import {
  clearPasswords,
  copiesSetting,
  type RegistrySetting,
  registryHost,
  registryLogin,
  registrySetting,
  repeatedRegistries,
} from "./lib/registry/registry-setting.ts";
import { longestTag, reservedPrefixes } from "./lib/registry/tags.ts";
import { parseWithSchema } from "./lib/schema-errors.ts";
import { builtInRecipe, findRecipe, type SelectedRecipe } from "./recipes/index.ts";

/** What strata's own tags begin with is not for others. */
const tag = new RegExp(
  `^(?!${reservedPrefixes.join("|")})[A-Za-z0-9_{][A-Za-z0-9_.{}-]{0,${longestTag - 1}}$`,
);

/** Git addresses become part of stages, and everybody may read those. */
const openAddress = z
  .string()
  .refine(
    (address) => redact(address) === address,
    "expected an address without a login or token; give those to git on the builder",
  );

/** Settings of a stack; README.md has the same as a table. Unknown keys are errors. */
export const settingsSchema = z.strictObject({
  recipe: z.string().optional(),
  generation: z.enum(generationNames).default("cpu"),
  registry: registrySetting.default({ kind: "local", repository: "strata" }),
  copies: copiesSetting.default([]),
  builder: z.string().min(1).default("strata"),
  host: hostSetting,
  budget: budgetSetting,
  base: z.string().optional(),
  python: z.enum(pythonVersions).optional(),
  cuda: z.enum(cudaVersions).optional(),
  llama: z
    .strictObject({
      enabled: z.boolean().default(true),
      source: z.enum(["sdist", "git"]).default("sdist"),
      commit: z
        .string()
        .regex(/^[0-9a-f]{40}$/, "expected a full commit of 40 hex digits")
        .optional(),
      vmm: z.boolean().default(true),
    })
    .default({ enabled: true, source: "sdist", vmm: true }),
  attention: z.array(z.enum(attentionKernels)).optional(),
  wheels: z
    .partialRecord(
      // Which Triton belongs to a torch, torch says.
      z.enum(attentionKernels).exclude(["triton"]),
      z.strictObject({
        url: openAddress.regex(/^https?:\/\/\S+$/, "expected the address of a wheel"),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected a sha256 of 64 hex digits"),
        version: z.string().min(1),
      }),
    )
    .default({}),
  compile: z.array(z.enum(compiledKernels)).default([]),
  certificates: z.string().default("system"),
  mirrors: z.record(z.string(), openAddress).default({}),
  models: modelsSetting.default(noModels),
  evidence: evidenceSetting,
  tags: z
    .array(
      z
        .string()
        .regex(
          tag,
          `expected a tag of letters, digits, and . _ - that does not begin with ${reservedPrefixes.join(", ")}`,
        ),
    )
    .optional(),
});

/** What holds where neither the stack nor its recipe says anything; attention kernels are the generation's. */
const fallback: Omit<Required<RecipeDefaults>, "attention"> = {
  base: "debian-bookworm",
  python: "3.11",
  cuda: "13.0",
  tags: ["{recipe}-{generation}"],
};

export type Config = Omit<z.output<typeof settingsSchema>, keyof RecipeDefaults | "recipe"> &
  Required<RecipeDefaults> & {
    readonly recipe: string;
    /** The recipe that `recipe` means. */
    readonly selected: SelectedRecipe;
  };

const services = z.object({ registry: z.object({ address: z.string() }) });

/** `host:port` of the local registry: as `make up` started it, else where the `registry` container listens. */
export function registryAddress(servicesFile: string): string {
  if (!existsSync(servicesFile)) return "127.0.0.1:5000";
  return services.parse(JSON.parse(readFileSync(servicesFile, "utf8"))).registry.address;
}

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
    () => find(recipeOf(values)),
  ]);
  const facts = generation(settings.generation);
  throwAll(title, [...repeatedRegistries(settings), ...hostProblems(settings.host, facts, settings.budget)]);
  const open = { attention: facts.attention, ...completeDefaults(selected.recipe) };
  return {
    ...settings,
    recipe: recipeOf(values),
    selected,
    base: settings.base ?? open.base,
    python: settings.python ?? open.python,
    cuda: settings.cuda ?? open.cuda,
    attention: settings.attention ?? open.attention,
    tags: settings.tags ?? open.tags,
  };
}

/** Checks a stack's configuration; its recipe may be a file. */
export async function readConfig(
  raw: Readonly<Record<string, string>>,
  environment: Environment = {},
): Promise<Config> {
  const found = await findRecipe(recipeOf(valuesOf(raw, environment))).catch((error: unknown) => error);
  return parseConfig(raw, environment, () => {
    // What is wrong with the file is told together with the other mistakes.
    if (found instanceof Error) throw found;
    return found as SelectedRecipe;
  });
}

function valuesOf(raw: Readonly<Record<string, string>>, environment: Environment): Record<string, unknown> {
  const own = Object.entries(raw).filter(([key]) => key.startsWith("strata:"));
  const values = Object.fromEntries(own.map(([key, value]) => [key.slice("strata:".length), decoded(value)]));
  if (environment.STRATA_RECIPE) values.recipe = environment.STRATA_RECIPE;
  if (environment.STRATA_GENERATION) values.generation = environment.STRATA_GENERATION;
  return values;
}

/** The recipe of a stack: its own, else its generation's. What is no text, or no generation, is told by the schema. */
function recipeOf({ recipe, generation: name }: Readonly<Record<string, unknown>>): string {
  if (typeof recipe === "string") return recipe;
  return generation(generationNames.find((known) => known === name) ?? "cpu").recipe;
}

/** A recipe's defaults, and what holds where it has none. */
export function completeDefaults({ defaults }: Recipe): typeof fallback & Pick<RecipeDefaults, "attention"> {
  return { ...fallback, ...defaults };
}

/** Settings that decide what stages are: their inputs are in the stack's outputs, in clear. */
const readable: readonly (keyof Config)[] = [
  "recipe",
  "generation",
  "base",
  "python",
  "cuda",
  "llama",
  "attention",
  "wheels",
  "compile",
  "mirrors",
  "models",
  "tags",
];

/** Throws for settings that are encrypted although their values are shown. */
export function refuseSecrets(secretKeys: readonly string[]): void {
  throwAll(
    "Pulumi stack configuration",
    readable
      .map((key) => `strata:${key}`)
      .filter((key) => secretKeys.some((secret) => secret.replace(":config:", ":") === key))
      .map(
        (key) =>
          new UserError(
            key,
            "is a secret, but becomes part of images and of the stack's outputs.",
            "Set it in clear.",
          ),
      ),
  );
}

/** Throws for passwords that are written down in clear. @param secretKeys settings of which a part is encrypted */
export function refuseClear(
  config: Pick<Config, "registry" | "copies">,
  secretKeys: readonly string[],
): void {
  const secret = secretKeys.map((key) => key.replace(":config:", ":").replace("strata:", ""));
  throwAll("Pulumi stack configuration", clearPasswords(config, secret));
}

/** Throws where a key that opens a host lies in the stack's file in clear. */
export function requireSecrets({ host }: Pick<Config, "host">, secretKeys: readonly string[]): void {
  if (secretKeys.some((key) => key.replace(":config:", ":") === "strata:host")) return;
  if (!host.some((setting) => setting.kind === "ssh" && setting.privateKey !== undefined)) return;
  throw new UserError(
    "strata:host.privateKey",
    "is not encrypted.",
    "Remove it, and set it again: pulumi config set --secret --path strata:host.privateKey < KEY",
  );
}

/** The running stack's configuration. */
export async function loadConfig(): Promise<Config> {
  // Pulumi tells the program in this variable which keys are secrets.
  const secretKeys: string[] = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]");
  refuseSecrets(secretKeys);
  // Tools read settings too, and need not wait for Pulumi's SDK: half a second.
  const pulumi = await import("@pulumi/pulumi");
  const config = await readConfig(pulumi.runtime.allConfig(), process.env);
  refuseClear(config, secretKeys);
  requireSecrets(config, secretKeys);
  return config;
}

/** What it takes to get into a registry. */
export interface RegistryAccess {
  /** undefined leaves it to what `docker login` knows. */
  readonly password: string | undefined;
  /** Certificate authorities of its own, as PEM. */
  readonly ca: string | undefined;
}

/** What the stack and the environment say of getting into a registry: for GHCR, `GITHUB_TOKEN` counts too. */
export function registryAccess(
  setting: RegistrySetting,
  environment: NodeJS.ProcessEnv = process.env,
): RegistryAccess {
  const { variable, ca: file, ...login } = registryLogin(setting);
  const fromEnvironment = variable && environment[variable];
  const password = login.password ?? (fromEnvironment || undefined);
  if (file !== undefined && !existsSync(file)) {
    throw new UserError(
      `registry ${registryHost(setting, "")}`,
      `there is no file ${file}.`,
      "Set ca to a PEM file, by its whole path or from the folder of Pulumi.yaml.",
    );
  }
  return { password, ca: file && readFileSync(file, "utf8") };
}

/** The same, with what this machine adds: where the local registry listens, and the folder that keeps logins. */
export function registryContext(
  { services, logins }: { readonly services: string; readonly logins: string },
  setting: RegistrySetting,
): RegistryAccess & { readonly localAddress: string; readonly logins: string } {
  return { localAddress: registryAddress(services), logins, ...registryAccess(setting) };
}

const partSchema = z.strictObject({
  /** The stages that the update is targeted at. */
  stages: z.array(z.string()),
  /** What the stack has exported until now, and goes on to export for all the others. */
  outputs: z.record(z.string(), z.unknown()),
});
export type PartialUpdate = z.infer<typeof partSchema>;

/** The part of the product that this run is about, by the file that `make stage` wrote; undefined for all of it. */
export function loadPartialUpdate(file = process.env.STRATA_PART): PartialUpdate | undefined {
  return file ? partSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : undefined;
}

/** Where distributions keep a machine's certificate authorities, and the public ones among them. */
const systemBundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
const publicAuthorities = "/usr/share/ca-certificates/mozilla";

/**
 * Certificate authorities that builds trust beside the public ones, as PEM; undefined where there are none. With
 * `system`: those that were added to this machine, a company proxy's for instance.
 */
export function readCertificates({ certificates }: Config): string | undefined {
  if (certificates === "none") return undefined;
  if (certificates !== "system") {
    if (existsSync(certificates)) return readFileSync(certificates, "utf8");
    throw new UserError(
      "strata:certificates",
      `there is no file ${certificates}.`,
      'Give the path of a PEM bundle, "system" or "none".',
    );
  }
  const bundle = [process.env.SSL_CERT_FILE, ...systemBundles].find((path) => path && existsSync(path));
  if (!bundle) return undefined;
  const files = existsSync(publicAuthorities) ? readdirSync(publicAuthorities) : [];
  return additionalCertificates(readFileSync(bundle, "utf8"), [
    ...rootCertificates,
    ...files.map((file) => readFileSync(join(publicAuthorities, file), "utf8")),
  ]);
}

/** Where the inputs come from, for labels: the last commit that changed one, and its time. */
export interface Provenance {
  readonly source: string | null;
  readonly revision: string | null;
  /** ISO time: SOURCE_DATE_EPOCH, else the commit's, else 1980. */
  readonly created: string;
}

/** What a product is made of; a commit that changes none of it does not change the image's labels. */
const strataInputs = ["layers", "recipes", "locks"];

/**
 * Where a stack's product comes from: for a recipe of one's own the folder that it is in, for others strata. Asks git;
 * outside a repository the labels stay away rather than being invented.
 */
export function readProvenance(
  root: string,
  { selected: { folder: own } }: Pick<Config, "selected">,
): Provenance {
  const [folder, inputs] = own === undefined ? [root, strataInputs] : [own, ["."]];
  const git = (...args: string[]): string | null => {
    try {
      return execFileSync("git", ["-C", folder, ...args], { stdio: ["ignore", "pipe", "ignore"] })
        .toString()
        .trim();
    } catch {
      return null;
    }
  };
  const [commit, seconds] = git("log", "-1", "--format=%H %ct", "--", ...inputs)?.split(" ") ?? [];
  const dirty = git("status", "--porcelain", "--", ...inputs);
  const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? seconds ?? 315532800);
  return {
    source: remoteAddress(git("remote", "get-url", "origin") ?? ""),
    revision: commit ? `${commit}${dirty ? "-dirty" : ""}` : null,
    created: new Date(epoch * 1000).toISOString(),
  };
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
