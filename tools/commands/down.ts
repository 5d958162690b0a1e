import { parseArgs } from "node:util";
import { home } from "../../home.ts";
import { main } from "../program/main.ts";
import { note, withProgress } from "../program/progress.ts";
import { stopServices } from "../services/services.ts";
import { madeBuilders, shownMade, stopMade } from "../ways/kubernetes/made-builders.ts";

const HELP = `Usage: npm run down -- [--elsewhere]

Stops the builder and the registry of this clone; what they hold stays.

  --elsewhere  the builders that this clone has made in clusters, too: no pods, and their volumes stay. Others may build there`;

/** `make down`: stops the builder and the registry; what they hold stays. */
await main(
  async () => {
    const { values } = parseArgs({ options: { elsewhere: { type: "boolean", default: false } } });
    const stopped = await withProgress("Stopping the builder and the registry", () => stopServices(home));
    note(
      stopped.length > 0
        ? `services: stopped the ${stopped.join(" and the ")}`
        : "services: nothing was running",
    );
    for (const builder of await madeBuilders(home)) {
      if (!values.elsewhere) {
        note(`builder ${shownMade(builder)} runs on; npm run down -- --elsewhere stops it`);
      } else if (await stopMade(builder)) note(`builder ${shownMade(builder)}: has no pods now`);
      else note(`builder ${shownMade(builder)}: is not there`);
    }
    return 0;
  },
  { help: HELP },
);
