import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as configModule from "../../config.ts";
import { type Config, readConfig, refuseSecrets, registryAddress } from "../../config.ts";
import type * as compatibilityModule from "../../lib/compatibility.ts";
import type * as generationsModule from "../../lib/generations.ts";
import type { Planned } from "../../lib/preview/stack.ts";
import type * as stackPlanModule from "../../lib/stack-plan.ts";
import type * as tagsModule from "../../lib/tags.ts";
import type { Home } from "../home.ts";
import { readSettings } from "./settings.ts";

/** A stack as a checkout plans it, and whose commit its labels name. */
export interface CheckoutPlan {
  readonly planned: Planned;
  readonly revision: string | null;
}

/**
 * Plans a stack by the code, recipes, locks and stack file of the checkout at `root`, which may be another revision
 * than the one that runs. No Pulumi, no network, no builder.
 */
export async function planStackIn(root: string, stack: string, home: Home): Promise<CheckoutPlan> {
  const load = async (path: string) => await import(pathToFileURL(join(root, path)).href);
  const [config, stackPlan, tags, compatibility, generations] = (await Promise.all(
    ["config.ts", "lib/stack-plan.ts", "lib/tags.ts", "lib/compatibility.ts", "lib/generations.ts"].map(load),
  )) as [
    typeof configModule,
    typeof stackPlanModule,
    typeof tagsModule,
    typeof compatibilityModule,
    typeof generationsModule,
  ];
  const choices = await config.readConfig(readStackSettings(root, stack), process.env);
  const provenance = config.readProvenance(root, choices);
  const { plan, checks } = stackPlan.planStack(choices, provenance, { root, localImages: home.images });
  const { generation, cuda } = choices;
  const { recipe } = plan;
  const planned: Planned = {
    stack,
    plan,
    checks,
    repository: repositoryOf(choices, home),
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
  return await readConfig(readStackSettings(root, stack), process.env);
}

function readStackSettings(root: string, stack: string): Readonly<Record<string, string>> {
  const file = `Pulumi.${stack}.yaml`;
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  // Pulumi makes it when there is something to write; until then the stack has nothing but defaults.
  const own = existsSync(join(root, file)) ? read(file) : "";
  const { raw, secret } = readSettings(own, read("Pulumi.yaml"), file);
  refuseSecrets(secret);
  return raw;
}

/** Where a stack's images go; null for a kind of registry of which only an update knows. */
function repositoryOf({ registry }: Config, home: Home): string | null {
  return registry.kind === "local" ? `${registryAddress(home.services)}/${registry.repository}` : null;
}
