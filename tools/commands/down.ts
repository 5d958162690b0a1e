import { home } from "../../home.ts";
import { main } from "../program/main.ts";
import { note, withProgress } from "../program/progress.ts";
import { stopServices } from "../services/services.ts";

const HELP = `Usage: npm run down

Stops the builder and the registry of this clone; what they hold stays.`;

/** `make down`: stops the builder and the registry; what they hold stays. */
await main(
  async () => {
    const stopped = await withProgress("Stopping the builder and the registry", () => stopServices(home));
    note(
      stopped.length > 0
        ? `services: stopped the ${stopped.join(" and the ")}`
        : "services: nothing was running",
    );
    return 0;
  },
  { help: HELP },
);
