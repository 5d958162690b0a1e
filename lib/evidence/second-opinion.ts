import { z } from "zod";
import type { CheckResult } from "./check-results.ts";

/** What came of asking another machine, after one with a GPU had failed the image. */
export const secondOpinion = z.strictObject({
  /**
   * `confirmed`: another failed it too, and its findings are here. `contradicted`: another passed it, and the first failed
   * alone. `none`: nobody else could be asked.
   */
  outcome: z.enum(["confirmed", "contradicted", "none"]),
  /** The machine that failed it first. */
  machine: z.string().min(1),
  /** What failed there. */
  failed: z.array(z.string().min(1)),
  /** Why it is so: who else was asked. */
  reason: z.string().min(1),
});
export type SecondOpinion = z.infer<typeof secondOpinion>;

/** Checks that read the image's files and settings: their answer is that of every machine. */
const OF_THE_IMAGE: ReadonlySet<string> = new Set(["00-image", "15-environment", "20-libraries"]);

/** How an engine says that an image's program cannot be run, or is not there: it is configured wrongly (man docker-run). */
const CANNOT_START = /\bstatus (126|127)\b/;

/**
 * Whether a failure on a GPU may be that of the machine: a card that computes wrongly, a driver that is broken, memory that
 * somebody else holds. Where anything fails that does not depend on the machine, the image is wrong, and nobody else is asked.
 */
export function mayBeTheMachines(checks: readonly CheckResult[]): boolean {
  const failures = checks.filter(({ status }) => status === "fail");
  return failures.every(
    ({ id, reason = "" }) =>
      !OF_THE_IMAGE.has(id.split(".")[0] ?? "") &&
      !(id === "90-container.start" && CANNOT_START.test(reason)),
  );
}

/** The checks that failed, by their ids. */
export function failedChecks(checks: readonly CheckResult[]): string[] {
  return checks.filter(({ status }) => status === "fail").map(({ id }) => id);
}

/** For people: `40-attention failed on gpu1:22 alone`. */
export function shownOpinion({ outcome, machine, failed, reason }: SecondOpinion): string {
  const what = failed.join(", ");
  if (outcome === "contradicted") return `${what} failed on ${machine} alone: ${reason}`;
  if (outcome === "confirmed") return `${what} failed on ${machine} before: ${reason}`;
  return `no second opinion: ${reason}`;
}
