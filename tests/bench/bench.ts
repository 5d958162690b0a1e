/**
 * `npm run bench`: strata beside what the field does, on the same builder and the same work, in one run. Times of a machine
 * say little; their ratios say what the design is worth.
 */
import { main } from "../../tools/program/main.ts";

const HELP = `Usage: npm run bench [-- small | scale | farm | pull | RECIPE] [OPTIONS]

  small     six layers of random numbers beside one Dockerfile with a registry cache (the default)
  scale     plan, preview and an update without changes against the number of stages, nodes and stacks
  farm      a day of a team on several builders, simulated by the real plan and measured times
  pull      a product pulled by real engines, beside the same with one layer for each stage
  RECIPE    a recipe (studio, starter, a file) beside one Dockerfile and a multi-stage one of the same contents

  --json           print JSON
  --out FOLDER     also write bench.json, bench.md and bench.svg there
  --cases LIST     RECIPE: some cases, such as nothing,script,node (npm run bench -- studio --list tells all)
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
} else if (chosen === "pull") {
  const { benchPull, HELP: help } = await import("./pull/pull.ts");
  await main(() => benchPull(rest), { help });
} else {
  const { benchRecipe, HELP: help } = await import("./recipe/recipe.ts");
  await main(() => benchRecipe(chosen, rest), { help });
}
