import { readFile } from "node:fs/promises";
import { home } from "../../home.ts";
import { historySchema } from "../../lib/preview/build-history.ts";
import { addToHistory } from "../preview/history-file.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

const HELP = `Usage: npm run history -- FILE...

Adds the builds that other machines saw (their .strata/history.json) to this clone's history, from which previews
know how long a stage takes and how large it comes out.`;

/** `npm run history -- FILE...`: adds the builds that other machines saw to this clone's history. */
await main(
  async () => {
    for (const file of process.argv.slice(2)) {
      const parsed = historySchema.safeParse(await readJson(file));
      if (parsed.success) await addToHistory(home, parsed.data.builds, parsed.data.tests);
      else note(`history: ${file} is no history of this version, and left out`);
    }
    return 0;
  },
  { help: HELP },
);

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return undefined;
  }
}
