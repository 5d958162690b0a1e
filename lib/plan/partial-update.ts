import { readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { didYouMean } from "../schema-errors.ts";
import type { Plan, PlanEntry, Stage } from "./plan.ts";

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

const partialUpdate = z.strictObject({
  /** The stages that the update is targeted at. */
  stages: z.array(z.string()),
  /** What each stage of the recipe registered when it was built, by name. */
  registered: z.record(
    z.string(),
    z.object({ key: z.string(), inputs: z.record(z.string(), z.string()), role: z.string().nullish() }),
  ),
  /** What the stack has exported until now, and goes on to export. */
  outputs: z.record(z.string(), z.unknown()),
});
export type PartialUpdate = z.infer<typeof partialUpdate>;

/** The partial update that this run is, from the file that `make stage` wrote; undefined for a full update. */
export function loadPartialUpdate(file = process.env.STRATA_PART): PartialUpdate | undefined {
  return file ? partialUpdate.parse(JSON.parse(readFileSync(file, "utf8"))) : undefined;
}

/** What tells a stage from what it was. */
export type StageSummary = Pick<PlanEntry, "key" | "inputs"> & {
  readonly role: PlanEntry["role"] | string | null;
};

/**
 * What a stage registers: what it is, but in an update of other stages what it was. The engine leaves such a stage's
 * image alone, and yet takes whatever is registered for it.
 */
export function summaryOf(stage: PlanEntry, update?: PartialUpdate): StageSummary {
  const { name, key, inputs, role } = stage;
  const former = update?.stages.includes(name) ? undefined : update?.registered[name];
  return former ? { ...former, role: former.role ?? role } : { key, inputs, role };
}
