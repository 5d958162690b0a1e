import { parseArgs } from "node:util";
import { UserError } from "../errors.ts";
import { home, repository } from "./home.ts";
import { main } from "./main.ts";
import { planStackIn } from "./preview/planned.ts";
import { openStack } from "./pulumi/open.ts";
import { stackOutputs, summary } from "./pulumi/summary.ts";
import { runPulumi } from "./pulumi/update.ts";

/** `make up`: sets everything up, builds, and says what came out. */
await main(async () => {
  const started = Date.now();
  const { values } = parseArgs({ options: { stack: { type: "string", default: "dev" } } });
  const stack = await openStack(home, values.stack);
  const { planned } = await planStackIn(repository, stack.name, home);
  const code = await runPulumi(home, stack, ["up", "--yes", "--skip-preview", "--refresh=false"]);
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
  process.stdout.write(`\n${summary(outputs, Date.now() - started)}\n`);
  return 0;
});
