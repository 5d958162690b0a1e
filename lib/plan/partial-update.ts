import { readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { didYouMean } from "../schema-errors.ts";
import type { Plan, Stage } from "./plan.ts";

/** A layer's stage. */
export function stageNamed({ stages, recipe }: Plan, name: string): Stage {
  const found = stages.find((stage) => stage.name === name);
  if (found) return found;
  const names = stages.map((stage) => stage.name);
  throw new UserError(
    "LAYER",
    name === ""
      ? `is not given; ${recipe} has ${names.join(", ")}.`
      : `${recipe} has no layer "${name}"; it has ${names.join(", ")}.`,
    didYouMean(name, names),
  );
}

/** The stages `names` and everything that they are built from, in the plan's order; the product is none of them. */
export function withParents({ stages }: Plan, names: readonly string[]): Stage[] {
  const needed = new Set(names);
  for (const { name, parents } of stages.toReversed()) {
    if (needed.has(name)) for (const parent of parents) needed.add(parent);
  }
  return stages.filter(({ name }) => needed.has(name));
}

/**
 * The stages whose files a shell in the stage `name` shows: the product's stages in their order, up to that one. For a
 * stage that only builds use: what it is built from, and itself. The recipe's name means the whole product.
 */
export function fileSystem(plan: Plan, name: string): Stage[] {
  const { parents } = plan.product;
  if (name !== plan.recipe && !parents.includes(stageNamed(plan, name).name))
    return withParents(plan, [name]);
  const end = name === plan.recipe ? parents.length : parents.indexOf(name) + 1;
  return parents.slice(0, end).map((parent) => stageNamed(plan, parent));
}

/** What a stack exports, as far as it matters here. */
export interface StackOutputs {
  /** Whose stages they are. */
  readonly recipe?: unknown;
  readonly product?: unknown;
  readonly stages?: unknown;
  readonly evidence?: unknown;
}

const partialUpdate = z.strictObject({
  /** The stages that the update is targeted at. */
  stages: z.array(z.string()),
  /** What the stack has exported until now, and goes on to export for all the others. */
  outputs: z.record(z.string(), z.unknown()),
});
export type PartialUpdate = z.infer<typeof partialUpdate>;

/** The partial update that this run is, from the file that `make stage` wrote; undefined for a full update. */
export function loadPartialUpdate(file = process.env.STRATA_PART): PartialUpdate | undefined {
  return file ? partialUpdate.parse(JSON.parse(readFileSync(file, "utf8"))) : undefined;
}

/**
 * What a stack exports once only some of its stages were built: these are new, and all else is what it was `before`.
 * Stages of another recipe are left alone.
 */
export function joinOutputs(
  update: { readonly stages: readonly string[]; readonly outputs: StackOutputs },
  now: { readonly recipe: string; readonly stages: Readonly<Record<string, unknown>> },
): StackOutputs {
  const before = update.outputs;
  if (before.recipe !== undefined && before.recipe !== now.recipe) return before;
  const built = Object.fromEntries(
    Object.entries(now.stages).filter(([name]) => update.stages.includes(name)),
  );
  const stages = { ...(before.stages ?? {}), ...built };
  return { product: null, evidence: null, ...before, recipe: now.recipe, stages };
}
