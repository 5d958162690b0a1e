import { UserError } from "../../errors.ts";
import { attemptFetch, PassingFailure, type Patience, patiently, reasonOf } from "../program/retry.ts";

/** Milliseconds that a host has for its answer. */
const TIMEOUT_MS = 4_000;
const answers = new Map<string, Promise<boolean>>();

/**
 * Whether the host of `url` answers at all; which status it answers with does not matter. Each host is asked once a
 * run, so that on a machine without it nobody waits twice.
 */
export function reachable(url: string): Promise<boolean> {
  const { origin } = new URL(url);
  let answer = answers.get(origin);
  if (!answer) {
    answer = fetch(origin, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).then(
      () => true,
      () => false,
    );
    answers.set(origin, answer);
  }
  return answer;
}

/** The body of `url`, asked for again where its host fails for a moment; a failure says which address and what to do. */
export function fetchBytes(url: string, patience?: Patience): Promise<Uint8Array> {
  const failed = ({ message }: Error) =>
    new UserError(
      url,
      `the download failed: its host ${message}.`,
      "Run the same command again; finished steps are kept.",
    );
  return patiently(
    async () => {
      const response = await attemptFetch(url);
      if (!response.ok) throw failed(new Error(`answers ${response.status}`));
      const bytes = await response.arrayBuffer().catch((error: unknown) => {
        throw new PassingFailure(`broke off (${reasonOf(error)})`);
      });
      return new Uint8Array(bytes);
    },
    failed,
    patience,
  );
}
