import { parseArgs } from "node:util";
import { home } from "../../home.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { resultOf, summary } from "../pulumi/summary.ts";
import { unchangedSince } from "../pulumi/unchanged.ts";
import type { PlannedBasis } from "../pulumi/update-basis.ts";

const HELP = `Usage: npm run up -- [--stack NAME] [--retest] [--full]

  --stack NAME  the Pulumi stack: Pulumi.<NAME>.yaml (default: dev)
  --retest      run the smoke test again although the image is known
  --full        run Pulumi also where everything is as the last update left it

Sets everything up, builds, pushes, tests the product and promotes its tags. STRATA_RECIPE and STRATA_GENERATION
choose another recipe or generation for one run.`;

/**
 * `make up`: sets everything up, builds, and says what came out; where nothing differs from what the last update left, it
 * says that alone. With --retest the smoke test runs although it knows the image: evidence gets old.
 */
await main(
  async () => {
    const started = Date.now();
    const { values } = parseArgs({
      options: {
        stack: { type: "string", default: "dev" },
        retest: { type: "boolean", default: false },
        full: { type: "boolean", default: false },
      },
    });
    let taken: PlannedBasis | undefined;
    if (!values.retest && !values.full) {
      const left = await unchangedSince(home, values.stack);
      if ("record" in left) {
        note(`update: everything is as the one of ${left.at} left it; make up FULL=1 does it all the same`);
        process.stdout.write(`\n${summary(resultOf(left.record), Date.now() - started, left.ports)}\n`);
        return 0;
      }
      taken = left.taken;
      if (left.differs.length > 0) note(`update: changed since the last one: ${left.differs.join(", ")}`);
    }
    // Pulumi's half of the tools takes a quarter of a second to load.
    const { wholeUpdate } = await import("./up/whole-update.ts");
    const { code, result, ports } = await wholeUpdate(home, values.stack, values.retest, taken);
    if (code === 0) process.stdout.write(`\n${summary(result, Date.now() - started, ports)}\n`);
    return code;
  },
  { help: HELP },
);
