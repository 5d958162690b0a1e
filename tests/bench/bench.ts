/**
 * `npm run bench`: strata beside what the field does, on the same builder and the same work, in one run. Times of a machine
 * say little; their ratios say what the design is worth.
 */
import { UserError } from "../../errors.ts";
import { main } from "../../tools/program/main.ts";

const HELP = `Usage: npm run bench [-- small | scale | farm] [OPTIONS]

  small     six layers of random numbers beside one Dockerfile with a registry cache (the default)
  scale     plan, preview and an update without changes against the number of stages, nodes and stacks
  farm      a day of a team on several builders, simulated by the real plan and measured times

  --json           print JSON
  --out FOLDER     also write bench.json, bench.md and bench.svg there
  --help           of the chosen bench: all of its options`;

const [chosen, ...rest] = process.argv.slice(2);

if (chosen === undefined || chosen.startsWith("--")) {
  await main(async () => (await import("./small.ts")).benchSmall(process.argv.slice(2)), { help: HELP });
} else if (chosen === "small") {
  await main(async () => (await import("./small.ts")).benchSmall(rest), { help: HELP });
} else if (chosen === "scale") {
  const { benchScale, HELP: help } = await import("./scale/scale.ts");
  await main(() => benchScale(rest), { help });
} else if (chosen === "farm") {
  const { benchFarm, HELP: help } = await import("./farm/bench-farm.ts");
  await main(async () => benchFarm(rest), { help });
} else {
  throw new UserError(chosen, "is no bench.", "Choose small, scale or farm.");
}
