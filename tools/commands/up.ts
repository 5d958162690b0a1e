import { parseArgs } from "node:util";
import { home, projectFolder } from "../../home.ts";
import { main } from "../program/main.ts";
import { lostImages } from "../pulumi/lost-images.ts";
import { openStack } from "../pulumi/open-stack.ts";
import { outvotedTest } from "../pulumi/outvoted-test.ts";
import { retryEarlyEnd } from "../pulumi/retry-early-end.ts";
import { resultOf, summary } from "../pulumi/summary.ts";
import { runPulumi } from "../pulumi/update.ts";
import { retestArguments } from "../pulumi/urns.ts";
import { planStackIn } from "../stack/checkout-plan.ts";
import { recordOf } from "../stack/outputs.ts";
import { refuseSharedTags } from "../stack/tag-owners.ts";

const HELP = `Usage: npm run up -- [--stack NAME] [--retest]

  --stack NAME  the Pulumi stack: Pulumi.<NAME>.yaml (default: dev)
  --retest      run the smoke test again although the image is known

Sets everything up, builds, pushes, tests the product and promotes its tags. STRATA_RECIPE and STRATA_GENERATION
choose another recipe or generation for one run.`;

/**
 * `make up`: sets everything up, builds, and says what came out. With --retest the smoke test runs although it knows
 * the image: evidence gets old.
 */
await main(
  async () => {
    const started = Date.now();
    const { values } = parseArgs({
      options: { stack: { type: "string", default: "dev" }, retest: { type: "boolean", default: false } },
    });
    const { environment, ...opened } = await openStack(home, values.stack);
    // Evidence that lies in the registry already is none that this run asks for.
    const retest = values.retest ? { STRATA_RETEST: "1" } : {};
    const stack = { ...opened, environment: { ...environment, ...retest } };
    const update = await retryEarlyEnd(stack.name, async () => {
      const { planned } = await planStackIn(projectFolder, stack.name, home);
      await refuseSharedTags(projectFolder, stack.name);
      const { recipe, product } = planned.plan;
      const record = await recordOf(home, stack, recipe);
      const retested = values.retest
        ? retestArguments(stack, recipe, record)
        : await outvotedTest(stack, recipe, record);
      const lost = await lostImages(home, stack, recipe);
      const code = await runPulumi(home, stack, [
        "up",
        "--yes",
        "--skip-preview",
        "--refresh=false",
        ...retested,
        ...lost,
      ]);
      const result = code === 0 ? resultOf(await recordOf(home, stack)) : {};
      const missing = result.stages?.[product.name]?.key === product.key ? undefined : product.name;
      return { code, missing, result, ports: planned.plan.ports };
    });
    if (update.code !== 0) return update.code;
    process.stdout.write(`\n${summary(update.result, Date.now() - started, update.ports)}\n`);
    return 0;
  },
  { help: HELP },
);
