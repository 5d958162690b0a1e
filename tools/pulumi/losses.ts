import { note } from "../program/progress.ts";
import type { Loss, Ways } from "../ways/ways.ts";

/** What an update ends with that its user ended. */
const INTERRUPTED = 130;

/** Who was lost, and with which stages. The stages' own errors are BuildKit's, and say EOF at most. */
export function lossLine({ shown, problem }: Loss, stages: readonly string[]): string {
  const during = stages.length > 0 ? ` while it built ${stages.join(", ")}` : "";
  return `error: the builder ${shown} was lost${during}: it ${problem}. What was built is kept: run the same command again.`;
}

/**
 * Runs an update, and once more where it failed with a builder that was lost and another stands in for it, or it has come
 * back: what was built by then is kept.
 */
export async function retryLost(
  ways: Pick<Ways, "losses" | "canGoOn"> | undefined,
  update: () => Promise<number>,
): Promise<number> {
  const code = await update();
  if (code === 0 || code === INTERRUPTED || !ways || ways.losses.length === 0 || !(await ways.canGoOn()))
    return code;
  note("builders: going on with those that answer");
  return await update();
}
