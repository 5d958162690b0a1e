import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as configModule from "../../config.ts";
import { type Config, readConfig } from "../../config.ts";
import type { Home } from "../../home.ts";
import type * as compatibilityModule from "../../lib/gpu/compatibility.ts";
import type * as generationsModule from "../../lib/gpu/generations.ts";
import { refuseClear, refuseSecrets } from "../../lib/plan/secret-settings.ts";
import type { NextStack } from "../../lib/preview/preview-stack.ts";
import { registryAddress } from "../../lib/registry/access.ts";
import { limitsKind } from "../../lib/registry/limits.ts";
import { imageRepository } from "../../lib/registry/registry-setting.ts";
import type * as tagsModule from "../../lib/registry/tags.ts";
import type * as provenanceModule from "../../recipes/provenance.ts";
import type * as stackPlanModule from "../../recipes/stack-plan.ts";
import { readSettings, type Settings } from "./settings.ts";

/** A stack as a checkout plans it, and whose commit its labels name. */
export interface CheckoutPlan {
  readonly planned: NextStack;
  readonly revision: string | null;
}

/**
 * Plans a stack by the code, recipes, locks and stack file of the checkout at `root`, which may be another revision
 * than the one that runs. No Pulumi, no network, no builder.
 */
export async function planStackIn(root: string, stack: string, home: Home): Promise<CheckoutPlan> {
  const load = async (path: string) => await import(pathToFileURL(join(root, path)).href);
  const [config, provenances, stackPlan, tags, compatibility, generations] = (await Promise.all(
    [
      "config.ts",
      "recipes/provenance.ts",
      "recipes/stack-plan.ts",
      "lib/registry/tags.ts",
      "lib/gpu/compatibility.ts",
      "lib/gpu/generations.ts",
    ].map(load),
  )) as [
    typeof configModule,
    typeof provenanceModule,
    typeof stackPlanModule,
    typeof tagsModule,
    typeof compatibilityModule,
    typeof generationsModule,
  ];
  const { raw, secret } = readStackSettings(root, stack);
  const choices = await config.readConfig(raw, process.env);
  // Another revision may know no copies yet.
  const copies = choices.copies ?? [];
  refuseClear({ registry: choices.registry, copies }, secret);
  const provenance = provenances.readProvenance(root, choices.selected);
  const { plan, checks } = stackPlan.planStack(choices, provenance, { root, localImages: home.images });
  const { generation, cuda } = choices;
  const { recipe } = plan;
  const planned: NextStack = {
    stack,
    plan,
    checks,
    test: choices.host && { hosts: choices.host, budget: choices.budget },
    repository: imageRepository(choices.registry, registryAddress(home.services)),
    limits: [choices.registry, ...copies].map(limitsKind),
    tags: tags.expandTags(choices.tags, { recipe, generation, commit: provenance.revision }),
    platform: {
      recipe,
      generation,
      cuda,
      computeCapabilities: [...generations.generation(generation).computeCapabilities],
      minimumDriver: compatibility.compatibilitySet(cuda).minimumDriver,
    },
  };
  return { planned, revision: provenance.revision };
}

/** A stack's configuration as the files of a checkout have it. */
export async function stackConfig(root: string, stack: string): Promise<Config> {
  const { raw, secret } = readStackSettings(root, stack);
  const config = await readConfig(raw, process.env);
  refuseClear(config, secret);
  return config;
}

function readStackSettings(root: string, stack: string): Settings {
  const file = `Pulumi.${stack}.yaml`;
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  // Pulumi makes it when there is something to write; until then the stack has nothing but defaults.
  const own = existsSync(join(root, file)) ? read(file) : "";
  const settings = readSettings(own, read("Pulumi.yaml"), file);
  refuseSecrets(settings.secret);
  return settings;
}
