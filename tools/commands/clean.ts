import { rm, rmdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { cache, home } from "../../home.ts";
import { wholeNumber } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { note, withProgress } from "../program/progress.ts";
import { removeSpareBuilder } from "../reproduction/spare-builder.ts";
import { removeFromDocker } from "../services/docker-removal.ts";
import { recallServices } from "../services/record.ts";
import { stopServices } from "../services/services.ts";
import { madeBuilders, removeMade, shownMade } from "../ways/kubernetes/made-builders.ts";
import { cleanUnneeded } from "./clean/unneeded.ts";

const HELP = `Usage: npm run clean -- [--all] [--elsewhere]
       npm run clean -- --unneeded [--days N] [--remove]

Stops the builder and the registry, and removes all that was built in this clone.

  --all       the tools that all clones share, too
  --elsewhere the builders that this clone has made in clusters, too, with their volumes. Others may build there
  --unneeded  instead, tells what is not needed: of the local registry what no stack, tag or history needs, as npm run gc
              says it; of the builder what no build has used for a while. Nothing stops
  --days N    how long that has to be so (default: 14 days in the builder, 1 in the registry)
  --remove    remove it; without, it is only told, with its bytes`;

/** `make clean`: see `HELP`. */
await main(
  async () => {
    const { values } = parseArgs({
      options: {
        all: { type: "boolean", default: false },
        elsewhere: { type: "boolean", default: false },
        unneeded: { type: "boolean", default: false },
        remove: { type: "boolean", default: false },
        days: { type: "string" },
      },
    });
    const { all, elsewhere, unneeded, remove } = values;
    const days = values.days === undefined ? undefined : wholeNumber("--days", values.days, 0);
    if (unneeded && !all && !elsewhere) return await cleanUnneeded(home, { days, remove });
    if (unneeded || remove || days !== undefined) {
      throw new UserError(
        "clean",
        "--days and --remove are for --unneeded, and --all and --elsewhere are not.",
        `\n\n${HELP}`,
      );
    }
    await removeElsewhere(elsewhere);
    await removeEverything(all);
    return 0;
  },
  { help: HELP },
);

/** Before the home goes, which knows of them. */
async function removeElsewhere(isMeant: boolean): Promise<void> {
  for (const builder of await madeBuilders(home)) {
    if (!isMeant) {
      note(`builder ${shownMade(builder)} stays, and this clone forgets it (--elsewhere removes it, too)`);
      continue;
    }
    const title = `Removing builder ${shownMade(builder)} with its volumes`;
    await withProgress(title, () => removeMade(home, builder));
  }
}

async function removeEverything(all: boolean): Promise<void> {
  const services = await recallServices(home);
  const kept = await withProgress("Stopping the builder and the registry", async () => {
    await removeSpareBuilder(home);
    if (services?.builder.kind !== "docker") await stopServices(home);
    return await removeFromDocker(home, services, all);
  });
  // Path by path, as $STRATA_HOME may be a folder that holds other things too.
  const { root, ...parts } = home;
  await withProgress(`Removing what was built in ${root}`, async () => {
    for (const path of Object.values(parts)) await rm(path, { recursive: true, force: true });
  });
  for (const line of kept) note(line);
  await rmdir(root).catch(() => note(`${root} holds other things, which stay`));
  if (all) await withProgress(`Removing ${cache}`, () => rm(cache, { recursive: true, force: true }));
  if (!all) note(`kept ${cache} (tools that all clones share; npm run clean -- --all removes it too)`);
}
