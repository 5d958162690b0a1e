import { z } from "zod";
import { difference, type StageChange } from "../../lib/difference.ts";
import type { Home } from "../home.ts";
import { outputsOf, plannedStack } from "./planned.ts";
import type { Stack } from "./stack.ts";

const stages = z.record(z.string(), z.object({ key: z.string(), inputs: z.record(z.string(), z.string()) }));

/** What the next update does with each stage and why: this checkout's plan against the stack's outputs. */
export async function planChange(home: Home, stack: Stack): Promise<StageChange[]> {
  const [{ plan }, outputs] = await Promise.all([plannedStack(home, stack), outputsOf(stack)]);
  const known = stages.parse(outputs.stages ?? {});
  return difference(
    Object.entries(known).map(([stage, { key, inputs }]) => ({ name: stage, key, inputs })),
    [...plan.stages, plan.product],
  );
}
