import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, readConfig } from "../../config.ts";
import { UserError } from "../../errors.ts";
import { type Home, isPackage } from "../../home.ts";
import { refuseClear, refuseSecrets, requireSecrets } from "../../lib/plan/secret-settings.ts";
import { readSettings, type Settings } from "../../lib/plan/stack-file.ts";
import type { NextStack } from "../../lib/preview/preview-stack.ts";
import { registryAddress } from "../../lib/registry/access.ts";
import { limitsKind } from "../../lib/registry/limits.ts";
import { imageRepository } from "../../lib/registry/registry-setting.ts";
import { codeFolder, openCheckout } from "./checkout.ts";

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
  const checkout = await openCheckout(root);
  const { raw, secret } = readStackSettings(root, stack);
  const config = await checkout.readConfig(raw, process.env, recipesFrom(root));
  const { registry, host, budget, builder, builders } = config;
  // Another revision may know no copies yet.
  const copies = config.copies ?? [];
  refuseClear({ registry, copies }, secret);
  requireSecrets({ host: host ?? [] }, secret);
  const folders = { root: codeFolder(root), localImages: home.images, localPackages: home.packages };
  const { plan, checks, tags, platform, labels, memory } = checkout.planStack(config, folders);
  const planned: NextStack = {
    stack,
    plan,
    checks,
    test: host && { hosts: host, budget, memory },
    // Another revision may know none, or not this kind.
    rent: builders && { builder, builders, budget },
    repository: imageRepository(registry, registryAddress(home.services)),
    limits: [registry, ...copies].map(limitsKind),
    tags,
    platform: { ...platform, computeCapabilities: [...platform.computeCapabilities] },
    vulnerabilities: config.vulnerabilities,
  };
  return { planned, revision: labels.revision };
}

/** Where the path of a recipe begins: one's own lie beside a clone, whose revision says nothing of them, or in a project. */
function recipesFrom(root: string): string {
  return isPackage ? root : process.cwd();
}

/** A stack's configuration as the files of a checkout have it. */
export async function stackConfig(
  root: string,
  stack: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Config> {
  const { raw, secret } = readStackSettings(root, stack);
  const config = await readConfig(raw, environment, recipesFrom(root));
  refuseClear(config, secret);
  requireSecrets(config, secret);
  return config;
}

/** The same for a stack that is named: one that has no file would be one with defaults, and another registry's. */
export async function namedStackConfig(root: string, stack: string): Promise<Config> {
  if (existsSync(join(root, `Pulumi.${stack}.yaml`))) return await stackConfig(root, stack);
  throw new UserError(`stack ${stack}`, `has no file Pulumi.${stack}.yaml.`, "Name another with --stack.");
}

function readStackSettings(root: string, stack: string): Settings {
  const file = `Pulumi.${stack}.yaml`;
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  // Pulumi makes it when there is something to write; until then the stack has nothing but defaults.
  const stackYaml = existsSync(join(root, file)) ? read(file) : "";
  const settings = readSettings(stackYaml, read("Pulumi.yaml"), file);
  refuseSecrets(settings.secret);
  return settings;
}
