import type { Config } from "../../config.ts";
import { type Home, repository } from "../../home.ts";
import type { Stage } from "../../lib/plan/plan.ts";
import { registryAddress } from "../../lib/registry/access.ts";
import { imageRepository } from "../../lib/registry/registry-setting.ts";
import { stageTag } from "../../lib/registry/tags.ts";
import { planStack, type StackPlan } from "../../recipes/stack-plan.ts";
import { run } from "../program/exec.ts";
import { stackConfig } from "./checkout-plan.ts";
import type { Stack } from "./stack.ts";

/** What this checkout makes of the stack's configuration, as the program itself would. */
export async function plannedStack(home: Home, { name }: Stack): Promise<StackPlan & { config: Config }> {
  const config = await stackConfig(repository, name);
  const folders = { root: repository, localImages: home.images };
  return { config, ...planStack(config, folders) };
}

/** What the stack exports, by name. */
export async function outputsOf(stack: Stack): Promise<Readonly<Record<string, unknown>>> {
  const { name, folder: cwd, environment: env, pulumi } = stack;
  return JSON.parse(await run(pulumi, ["stack", "output", "--json", "--stack", name], { cwd, env }));
}

/** Where a stage's image is once it is built. */
export function stageReference(home: Home, { registry }: Config, stage: Stage): string {
  return `${imageRepository(registry, registryAddress(home.services))}:${stageTag(stage)}`;
}
