import { UserError } from "../../errors.ts";

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

/** The body of `url`; a failure says which address and what to do. */
export async function fetchBytes(url: string): Promise<Uint8Array> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    const reason =
      error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : error;
    throw new UserError(
      url,
      `the download failed (${reason}).`,
      "Run the same command again; finished steps are kept.",
    );
  }
}
