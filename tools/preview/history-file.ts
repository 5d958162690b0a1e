import type { Home } from "../../home.ts";
import {
  type Build,
  emptyHistory,
  type History,
  historySchema,
  remember,
  type TestRun,
} from "../../lib/preview/build-history.ts";
import { recall, writeJson } from "../program/files.ts";

/** The builds of this clone; none where nothing was built yet. */
export async function readHistory(home: Home): Promise<History> {
  return (await recall(home.history, historySchema)) ?? emptyHistory;
}

/** Adds builds and tests to it. Two runs at once may lose one's, never the file. */
export async function addToHistory(
  home: Home,
  builds: readonly Build[],
  tests: readonly TestRun[] = [],
): Promise<void> {
  if (builds.length + tests.length === 0) return;
  await writeJson(home.history, remember(await readHistory(home), builds, tests));
}
