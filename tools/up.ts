import { parseArgs } from "node:util";
import { home } from "./home.ts";
import { main } from "./main.ts";
import { openStack } from "./pulumi/open.ts";
import { stackOutputs, summary } from "./pulumi/summary.ts";
import { runPulumi } from "./pulumi/update.ts";

/** `make up`: sets everything up, builds, and says what came out. */
await main(async () => {
  const started = Date.now();
  const { values } = parseArgs({ options: { stack: { type: "string", default: "dev" } } });
  const stack = await openStack(home, values.stack);
  const code = await runPulumi(home, stack, ["up", "--yes", "--skip-preview", "--refresh=false"]);
  if (code !== 0) return code;
  process.stdout.write(`\n${summary(await stackOutputs(stack), Date.now() - started)}\n`);
  return 0;
});
