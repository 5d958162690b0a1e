import type { UserError } from "../../../errors.ts";
import { shownText } from "../../../lib/import/safe-names.ts";

const noNetwork =
  /could not resolve host|unable to (connect|look ?up)|connection (refused|timed out|reset)|network is unreachable|timed out|no route to host|temporary failure|couldn't connect|proxy/i;

/** Whether a network failed, and not a repository. */
export function isUnreachable({ problem }: UserError): boolean {
  return noNetwork.test(problem);
}

/** A problem in one line, as the end of a sentence. */
export function inOneLine({ problem }: UserError): string {
  return shownText(problem.trim().replace(/\s+/g, " "), 300).replace(/[.:]\s*$/, "");
}
