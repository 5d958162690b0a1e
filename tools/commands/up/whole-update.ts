import { type Home, projectFolder } from "../../../home.ts";
import { withCompilerCaches } from "../../compiler-cache/with-compiler-caches.ts";
import { note } from "../../program/progress.ts";
import { heavyWarning } from "../../pulumi/heavy-stages.ts";
import { retryLost } from "../../pulumi/losses.ts";
import { lostImages } from "../../pulumi/lost-images.ts";
import { openStack } from "../../pulumi/open-stack.ts";
import { outvotedTest } from "../../pulumi/outvoted-test.ts";
import { retryEarlyEnd } from "../../pulumi/retry-early-end.ts";
import { type Result, resultOf } from "../../pulumi/summary.ts";
import { rememberUpdate } from "../../pulumi/unchanged.ts";
import { runPulumi } from "../../pulumi/update.ts";
import { type PlannedBasis, stillTrue, updateBasis } from "../../pulumi/update-basis.ts";
import { retestArguments } from "../../pulumi/urns.ts";
import { recordOf } from "../../stack/outputs.ts";
import { requireGpu } from "../../stack/required-gpu.ts";
import { refuseSharedTags } from "../../stack/tag-owners.ts";

/** How an update ended. */
export interface Update {
  /** Exit status. */
  readonly code: number;
  readonly result: Result;
  readonly ports: readonly number[];
}

/**
 * Sets everything up that the stack `name` needs, and updates all of it.
 *
 * @param taken the basis of it, where somebody has taken it just now: planning once is enough
 */
export async function wholeUpdate(
  home: Home,
  name: string,
  retest: boolean,
  taken?: PlannedBasis,
): Promise<Update> {
  const { environment, ...opened } = await openStack(home, name);
  let known = await stillTrue(home, taken);
  // Evidence that lies in the registry already is none that this run asks for.
  const stack = { ...opened, environment: { ...environment, ...(retest ? { STRATA_RETEST: "1" } : {}) } };
  return await retryEarlyEnd(name, async () => {
    const { basis, planned } = known ?? (await updateBasis(home, name));
    // A second try is about files as they are then.
    known = undefined;
    await refuseSharedTags(projectFolder, name);
    const warning = heavyWarning(planned.plan, planned.config);
    if (warning !== undefined) note(warning);
    const { recipe, product, ports } = planned.plan;
    await requireGpu(home, planned.config, product, stack.environment);
    const record = await recordOf(home, stack, recipe);
    const retested = retest
      ? retestArguments(stack, recipe, record)
      : await outvotedTest(stack, recipe, record);
    const lost = await lostImages(home, stack, recipe);
    const words = ["up", "--yes", "--skip-preview", "--refresh=false", ...retested, ...lost];
    const update = () => retryLost(stack.ways, () => runPulumi(home, stack, words));
    const code = await withCompilerCaches({ home, stack, planned }, update);
    const result = code === 0 ? resultOf(await recordOf(home, stack)) : {};
    const missing = result.stages?.[product.name]?.key === product.key ? undefined : product.name;
    if (code === 0 && missing === undefined) await rememberUpdate(home, stack, basis);
    return { code, missing, result, ports };
  });
}
