import { rm, rmdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { cache, home } from "../../home.ts";
import { main } from "../program/main.ts";
import { note, withProgress } from "../program/progress.ts";
import { removeSpareBuilder } from "../reproduction/spare-builder.ts";
import { removeFromDocker } from "../services/docker-removal.ts";
import { recallServices } from "../services/record.ts";
import { stopServices } from "../services/services.ts";

const HELP = `Usage: npm run clean -- [--all]

  --all  the tools that all clones share, too

Stops the builder and the registry, and removes all that was built in this clone.`;

/** `make clean`: stops the services and removes all that was built here; with `--all` the cached tools too. */
await main(
  async () => {
    const { values } = parseArgs({ options: { all: { type: "boolean", default: false } } });
    const services = await recallServices(home);
    const kept = await withProgress("Stopping the builder and the registry", async () => {
      await removeSpareBuilder(home);
      if (services?.builder.kind !== "docker") await stopServices(home);
      return await removeFromDocker(home, services, values.all);
    });
    // Path by path, as $STRATA_HOME may be a folder that holds other things too.
    const { root, ...parts } = home;
    await withProgress(`Removing what was built in ${root}`, async () => {
      for (const path of Object.values(parts)) await rm(path, { recursive: true, force: true });
    });
    for (const line of kept) note(line);
    await rmdir(root).catch(() => note(`${root} holds other things, which stay`));
    if (values.all)
      await withProgress(`Removing ${cache}`, () => rm(cache, { recursive: true, force: true }));
    if (!values.all)
      note(`kept ${cache} (tools that all clones share; npm run clean -- --all removes it too)`);
    return 0;
  },
  { help: HELP },
);
