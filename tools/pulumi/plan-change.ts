import { z } from "zod";
import { parseConfig, readProvenance } from "../../config.ts";
import { difference, type StageChange } from "../../lib/difference.ts";
import { planStack } from "../../lib/stack-plan.ts";
import { run } from "../exec.ts";
import { type Home, repository } from "../home.ts";
import type { Stack } from "./stack.ts";

const settings = z.record(z.string(), z.object({ value: z.string().optional() }));
const stages = z.record(z.string(), z.object({ key: z.string(), inputs: z.record(z.string(), z.string()) }));

/** What the next update does with each stage and why: this checkout's plan against the stack's outputs. */
export async function planChange(home: Home, stack: Stack): Promise<StageChange[]> {
  const { name, folder: cwd, environment: env, pulumi } = stack;
  const [configured, outputs] = await Promise.all([
    run(pulumi, ["config", "--json", "--stack", name], { cwd, env }),
    run(pulumi, ["stack", "output", "--json", "--stack", name], { cwd, env }),
  ]);
  const raw = Object.entries(settings.parse(JSON.parse(configured))).map(([key, { value = "" }]) => [
    key,
    value,
  ]);
  const config = parseConfig(Object.fromEntries(raw), process.env);
  const { plan } = planStack(config, readProvenance(repository), {
    root: repository,
    localImages: home.images,
  });
  const known = stages.parse(JSON.parse(outputs).stages ?? {});
  return difference(
    Object.entries(known).map(([stage, { key, inputs }]) => ({ name: stage, key, inputs })),
    [...plan.stages, plan.product],
  );
}
