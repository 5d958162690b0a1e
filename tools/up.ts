import { parseArgs } from "node:util";
import { UserError } from "../errors.ts";
import { home, repository } from "./home.ts";
import { main } from "./main.ts";
import { planStackIn } from "./preview/planned.ts";
import { openStack } from "./pulumi/open.ts";
import { outputsOf } from "./pulumi/planned.ts";
import { retestArguments } from "./pulumi/retest.ts";
import { stackOutputs, summary } from "./pulumi/summary.ts";
import { runPulumi } from "./pulumi/update.ts";

/**
 * `make up`: sets everything up, builds, and says what came out. With --retest the smoke test runs although it knows
 * the image: evidence gets old.
 */
await main(async () => {
  const started = Date.now();
  const { values } = parseArgs({
    options: { stack: { type: "string", default: "dev" }, retest: { type: "boolean", default: false } },
  });
  const { environment, ...opened } = await openStack(home, values.stack);
  // Evidence that lies in the registry already is none that this run asks for.
  const retest = values.retest ? { STRATA_RETEST: "1" } : {};
  const stack = { ...opened, environment: { ...environment, ...retest } };
  const { planned } = await planStackIn(repository, stack.name, home);
  const again = values.retest ? retestArguments(stack, planned.plan.recipe, await outputsOf(stack)) : [];
  const code = await runPulumi(home, stack, ["up", "--yes", "--skip-preview", "--refresh=false", ...again]);
  if (code !== 0) return code;
  const outputs = await stackOutputs(stack);
  const { name, key } = planned.plan.product;
  // Seen once: the program ended while a stage was being built, and Pulumi called that a success.
  if (outputs.stages?.[name]?.key !== key) {
    throw new UserError(
      stack.name,
      `the update ended before ${name} was built, or its files changed meanwhile.`,
      "What was built is kept: run `make up` again.",
    );
  }
  process.stdout.write(`\n${summary(outputs, Date.now() - started, planned.plan.ports)}\n`);
  return 0;
});
