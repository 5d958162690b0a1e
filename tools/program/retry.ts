import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";
import { isPassingStatus, LONGEST_PAUSE_MS, retryAfterMs } from "../../lib/http-retry.ts";

/** A failure that may be gone at the next attempt; its message goes on from the name of who failed. */
export class PassingFailure extends Error {
  override name = "PassingFailure";
  /** How long the other side asked to wait. */
  readonly pauseMs: number;

  constructor(message: string, pauseMs = 0) {
    super(message);
    this.pauseMs = Math.min(pauseMs, LONGEST_PAUSE_MS);
  }
}

/** How often and how fast. */
export interface Patience {
  /** Attempts in all. Default 4. */
  readonly tries?: number;
  /** The pause after the first attempt in milliseconds; it doubles each time. Default 1000. */
  readonly pauseMs?: number;
}

/**
 * Does `work` again after a PassingFailure, at the earliest when the other side asked for it; any other failure is
 * thrown at once.
 *
 * @param failed what the last failure is to the user
 */
export async function patiently<T>(
  work: () => Promise<T>,
  failed: (failure: PassingFailure) => Error,
  { tries = 4, pauseMs = 1_000 }: Patience = {},
): Promise<T> {
  try {
    return await pRetry(work, {
      retries: tries - 1,
      minTimeout: pauseMs,
      maxTimeout: LONGEST_PAUSE_MS,
      shouldRetry: ({ error }) => error instanceof PassingFailure,
      onFailedAttempt: async ({ error, retryDelay, retriesLeft }) => {
        if (!(error instanceof PassingFailure) || retriesLeft === 0) return;
        await sleep(Math.max(0, error.pauseMs - retryDelay));
      },
    });
  } catch (error) {
    throw error instanceof PassingFailure ? failed(error) : error;
  }
}

/** One attempt of a request. Throws a PassingFailure where the server has no time or the connection breaks. */
export async function attemptFetch(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, init).catch((error: unknown) => {
    throw new PassingFailure(`cannot be reached (${reasonOf(error)})`);
  });
  if (!isPassingStatus(response.status)) return response;
  await response.body?.cancel();
  const pauseMs = retryAfterMs(response.headers.get("retry-after"));
  throw new PassingFailure(`answers ${response.status}`, pauseMs);
}

/** What a failed fetch says: the reason is mostly in its cause. */
export function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message || cause.name : message;
}
