import { Octokit } from "@octokit/core";
import { paginateRest } from "@octokit/plugin-paginate-rest";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import { note } from "./progress.ts";

const Client = Octokit.plugin(paginateRest, retry, throttling);

/** GitHub's REST interface: in pages, again after trouble, and no faster than GitHub allows. */
export type GitHub = InstanceType<typeof Client>;

/** Times that a request waits for a rate limit, and the longest that it waits, in seconds. */
const MOST_WAITS = 3;
const LONGEST_WAIT = 900;

export interface ClientOptions {
  readonly token: string;
  readonly baseUrl?: string | undefined;
  /** Milliseconds of a second that is waited; tests have shorter ones. */
  readonly second?: number;
}

/** Makes a client. Errors are told by their message alone: a request holds the token. */
export function githubClient({ token, baseUrl, second = 1_000 }: ClientOptions): GitHub {
  const wait = (kind: string) => (seconds: number, _: unknown, __: unknown, waited: number) => {
    if (waited >= MOST_WAITS || seconds > LONGEST_WAIT) return false;
    note(`github: ${kind}, trying again in ${seconds}s`);
    return true;
  };
  return new Client({
    auth: token,
    ...(baseUrl ? { baseUrl } : {}),
    userAgent: "strata-preview",
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    // 429 is a rate limit, for which throttling waits as long as the answer says.
    retry: { doNotRetry: [400, 401, 403, 404, 410, 422, 429, 451], retryAfterBaseValue: second },
    throttle: {
      retryAfterBaseValue: second,
      onRateLimit: wait("rate limit"),
      onSecondaryRateLimit: wait("secondary rate limit"),
    },
  });
}

/** The status of an answer that is an error; undefined for every other error. */
export function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && "status" in error ? error.status : undefined;
  return typeof status === "number" ? status : undefined;
}
