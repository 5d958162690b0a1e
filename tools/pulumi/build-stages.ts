import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import type { Home } from "../../home.ts";
import { withParents } from "../../lib/plan/partial-update.ts";
import type { Plan, Stage } from "../../lib/plan/plan.ts";
import { keptScreen } from "../../lib/state/screen.ts";
import { withCompilerCaches } from "../compiler-cache/with-compiler-caches.ts";
import { writeJson } from "../program/files.ts";
import { missingStages } from "../stack/missing-stages.ts";
import { recordOf } from "../stack/outputs.ts";
import type { Stack } from "../stack/stack.ts";
import { runPulumi } from "./update.ts";
import { targetsOf } from "./urns.ts";

/**
 * Builds the stages `names` and what they are built from, and nothing else: no product, no test, no tag. The program
 * is the whole one, as what it does not register would count as removed; the update is targeted at these stages, and
 * the stack keeps all else as it is. What it exports, and what components register, it would not keep, so the program
 * gets them.
 *
 * @returns Pulumi's exit code
 */
export async function buildStages(
  home: Home,
  stack: Stack,
  plan: Plan,
  names: readonly string[],
): Promise<number> {
  const stages = withParents(plan, names).map(({ name }) => name);
  const file = join(home.run, `${stack.name}-part.json`);
  const [own, ofRecipe] = [await recordOf(home, stack), await recordOf(home, stack, plan.recipe)];
  const { recipe = plan.recipe, ...outputs } = keptScreen(own);
  await writeJson(file, { stages, registered: ofRecipe.stages ?? {}, outputs: { recipe, ...outputs } });
  try {
    const rented = stack.office
      ? [`urn:pulumi:${stack.name}::${stack.project}::strata:index:AwsBuilder**`]
      : [];
    const targets = [...targetsOf(stack, plan, stages), ...rented].flatMap((urn) => ["--target", urn]);
    return await runPulumi(home, { ...stack, environment: { ...stack.environment, STRATA_PART: file } }, [
      "up",
      "--yes",
      "--skip-preview",
      "--refresh=false",
      ...targets,
    ]);
  } finally {
    await rm(file, { force: true });
  }
}

/** Builds those of `stages` whose images are not in the registry; returns 0, or Pulumi's exit code. */
export async function ensureBuilt(
  home: Home,
  stack: Stack,
  { plan, config }: { readonly plan: Plan; readonly config: Config },
  stages: readonly Stage[],
): Promise<number> {
  const missing = (await missingStages(home, config, stages)).map(({ name }) => name);
  if (missing.length === 0) return 0;
  return await withCompilerCaches(
    { home, stack, planned: { plan, config } },
    () => buildStages(home, stack, plan, missing),
    withParents(plan, missing),
  );
}
