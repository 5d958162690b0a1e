import { parseArgs } from "node:util";
import { home } from "../../home.ts";
import { writeBuildContext } from "../../lib/plan/build-context.ts";
import {
  indexPackages,
  readVerified,
  reportPackages,
  verifyCommand,
  verifyStage,
} from "../../lib/plan/package-report.ts";
import { fileSystem } from "../../lib/plan/partial-update.ts";
import { newestVersions } from "../lock/held-back/newest-versions.ts";
import { installUv } from "../lock/uv.ts";
import { main } from "../program/main.ts";
import { withProgress } from "../program/progress.ts";
import { openSessionStack, runSession } from "../shell/enter.ts";
import { renderPackages } from "./check-packages/package-table.ts";

const HELP = `Usage: npm run check-packages -- [--stack NAME] [--offline] [--json]

  --stack NAME  the Pulumi stack: Pulumi.<NAME>.yaml (default: dev)
  --offline     do not ask the index for newer versions
  --json        print all that was found as one JSON object

The checks of the stage \`verify\` once more, on the files of the whole product and in its own Python.
Exit status: 0 the packages are as locked and fit together, 1 they do not.`;

/**
 * `make check-packages`: the checks of the stage `verify` once more, on the files of the whole product and in its own
 * Python, and which packages have newer versions. Stages that are not built yet are built first. `--json` prints all that
 * was found, `--offline` asks no index. Exit code 1 when a check fails.
 */
await main(
  async () => {
    const { values } = parseArgs({
      options: {
        stack: { type: "string", default: "dev" },
        json: { type: "boolean", default: false },
        offline: { type: "boolean", default: false },
      },
    });
    const place = await openSessionStack(home, values.stack, "make check-packages");
    const { plan, config } = place.planned;
    const verify = verifyStage(plan);
    const session = {
      hostname: plan.recipe,
      command: verifyCommand(verify),
      terminal: false,
      capture: true,
      context: writeBuildContext(home.contexts, verify),
      environment: { PYTHON: verify.args.PYTHON ?? "", CUDA: verify.args.CUDA ?? "" },
    };
    const { code, stdout, built } = await runSession(home, place, fileSystem(plan, plan.recipe), session);
    if (!built) return code;
    const verified = readVerified(stdout);
    const newest = values.offline
      ? undefined
      : await withProgress("Asking the index for newer versions", async () =>
          newestVersions(await installUv(), config.python, [...indexPackages(plan).keys()]),
        );
    const report = reportPackages(plan, verified, newest);
    process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : renderPackages(report)}\n`);
    return report.verdict === "pass" ? 0 : 1;
  },
  { help: HELP },
);
