import { z } from "zod";
import { type Config, readConfig, readProvenance, registryAddress } from "../../config.ts";
import type { Stage } from "../../lib/plan.ts";
import { planStack, type StackPlan } from "../../lib/stack-plan.ts";
import { stageTag } from "../../lib/tags.ts";
import { run } from "../exec.ts";
import { type Home, repository } from "../home.ts";
import type { Stack } from "./stack.ts";

const settings = z.record(z.string(), z.object({ value: z.string().optional() }));

/** What this checkout makes of the stack's configuration, as the program itself would. */
export async function plannedStack(home: Home, stack: Stack): Promise<StackPlan & { config: Config }> {
  const { name, folder: cwd, environment: env, pulumi } = stack;
  const configured = await run(pulumi, ["config", "--json", "--stack", name], { cwd, env });
  const raw = Object.entries(settings.parse(JSON.parse(configured))).map(([key, { value = "" }]) => [
    key,
    value,
  ]);
  const config = await readConfig(Object.fromEntries(raw), process.env);
  const folders = { root: repository, localImages: home.images };
  return { config, ...planStack(config, readProvenance(repository, config), folders) };
}

/** What the stack exports, by name. */
export async function outputsOf(stack: Stack): Promise<Readonly<Record<string, unknown>>> {
  const { name, folder: cwd, environment: env, pulumi } = stack;
  return JSON.parse(await run(pulumi, ["stack", "output", "--json", "--stack", name], { cwd, env }));
}

/** Where a stage's image is once it is built. */
export function stageReference(home: Home, { registry }: Config, stage: Stage): string {
  return `${registryAddress(home.services)}/${registry.repository}:${stageTag(stage)}`;
}
