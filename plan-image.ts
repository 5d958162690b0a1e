import { relative } from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type { BuildSettings } from "./components/image-stage.ts";
import type { LayeredImageArgs } from "./components/layered-image.ts";
import type { PromotionTerms } from "./components/promotion.ts";
import { openRegistry } from "./components/registry/open-registry.ts";
import type { Registry } from "./components/registry/registry.ts";
import type { SmokeTestArgs } from "./components/smoke-test.ts";
import { readConfig, type settingsSchema } from "./config.ts";
import { throwAll, UserError } from "./errors.ts";
import { home, repository } from "./home.ts";
import { builderOf, isFar, stackBuilders } from "./lib/builders/builder-setting.ts";
import { readCertificates } from "./lib/certificates.ts";
import { promotionTerms } from "./lib/evidence/evidence-setting.ts";
import { testLimits } from "./lib/hosts/description.ts";
import { writeBuildContext } from "./lib/plan/build-context.ts";
import { registryContext } from "./lib/registry/access.ts";
import type { RegistrySetting } from "./lib/registry/registry-setting.ts";
import { planStack } from "./recipes/stack-plan.ts";

/** Resources of the program itself; planImage has no say in them. */
const notPlanned = ["copies", "host"] as const;

/** What a stack's configuration says as `strata:<key>`, but for what a program decides by its components. */
export type ImageSettings = Omit<z.input<typeof settingsSchema>, (typeof notPlanned)[number]>;

/** What an image is built from, and what its test and its tags ask for: arguments of the components. */
export interface PlannedImage {
  readonly image: Pick<LayeredImageArgs, "plan" | "base" | "contexts">;
  readonly build: Omit<BuildSettings, "registry">;
  readonly registry: RegistrySetting;
  /** In the builder, without a GPU; `hosts` may be others. */
  readonly test: Omit<SmokeTestArgs, "reference">;
  readonly tags: readonly string[];
  readonly terms: PromotionTerms;
}

/**
 * Plans an image for a Pulumi program of one's own. Reads the recipe, locks and files, and asks nobody; throws all
 * mistakes together.
 */
export async function planImage(settings: ImageSettings): Promise<PlannedImage> {
  throwAll(
    "planImage",
    notPlanned
      .filter((key) => key in settings)
      .map(
        (key) =>
          new UserError(
            key,
            "is a setting of a stack alone.",
            "SmokeTest takes hosts; strata/program copies.",
          ),
      ),
  );
  const raw = Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [`strata:${key}`, typeof value === "string" ? value : JSON.stringify(value)]);
  const config = await readConfig(Object.fromEntries(raw));
  const builders = stackBuilders(config);
  throwAll(
    "planImage",
    [builders.default, builders.heavy]
      .filter(({ setting }) => isFar(setting))
      .map(
        ({ path }) =>
          new UserError(
            path.replace("strata:", ""),
            "is a builder elsewhere, to which strata's own commands open the way.",
            "Give the name of one that buildx knows, or use `npx strata up`.",
          ),
      ),
  );
  const folders = { root: repository, localImages: home.images, localPackages: home.packages };
  const { plan, base, checks, tags, memory } = planStack(config, folders);
  const { generation, registry } = config;
  const [builder = ""] = builders.default.names;
  return {
    image: { plan, base: base.reference, contexts: contextOf },
    build: {
      builder,
      builderOf: (stage) => builderOf(builders, stage),
      certificates: readCertificates(config.certificates),
    },
    registry,
    test: {
      recipe: plan.recipe,
      generation,
      checks,
      builder,
      hosts: [{ description: { kind: "builder" } }],
      limits: testLimits(config, memory),
    },
    tags,
    terms: promotionTerms(config, checks),
  };
}

/** Writes a stage's build context below the project's home; its path from the working directory, as a state has it. */
export const contextOf: LayeredImageArgs["contexts"] = (stage) =>
  relative(process.cwd(), writeBuildContext(home.contexts, stage));

/** The registry of a setting, as planImage gives it. @param password @default what `docker login` knows */
export async function openImageRegistry(
  name: string,
  setting: RegistrySetting,
  password?: pulumi.Input<string>,
  options?: pulumi.ComponentResourceOptions,
): Promise<Registry> {
  const context = registryContext(home, setting);
  return await openRegistry(name, setting, { ...context, password: password ?? context.password }, options);
}
