import { UserError } from "../../errors.ts";
import type { CoolDown } from "../../lib/lock-making/cool-down.ts";
import { attemptFetch, patiently } from "../program/retry.ts";

const TIMEOUT_MS = 60_000;

/** What decides where is asked, and as whom. */
export interface SourceAccess {
  /** Replaces the hub's address: `HF_ENDPOINT`. */
  readonly endpoint?: string | undefined;
  /** `HF_TOKEN`; sent to the hub alone. */
  readonly token?: string | undefined;
  /** `CIVITAI_TOKEN`; sent to CivitAI's own addresses alone. */
  readonly civitaiToken?: string | undefined;
  readonly mirrors: Readonly<Record<string, string>>;
  /** How long a file has to have been there that nobody gave a hash for. @default not at all */
  readonly coolDown?: CoolDown;
  /** Milliseconds of the first pause; tests use a smaller number. */
  readonly pauseMs?: number;
}

/** What a source says of a file without giving it. */
export interface FileFacts {
  /** With the commit in place of a branch, where the source has commits. */
  readonly url: string;
  readonly size: number | null;
  /** null where the source does not say. */
  readonly sha256: string | null;
  readonly gated: boolean | null;
  readonly licence: string | null;
  /** When it was put there; null where the source does not say. */
  readonly changed: Date | null;
}

/** Asks without following redirects; again where the server has no time. */
export function ask(
  address: string,
  method: "GET" | "HEAD" | "POST",
  headers: Record<string, string>,
  { pauseMs }: SourceAccess,
  body?: string,
): Promise<Response> {
  return patiently(
    () =>
      attemptFetch(address, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }),
    ({ message }) =>
      new UserError(
        new URL(address).host,
        `${message}.`,
        "Check the network, or set HF_ENDPOINT or --mirror to a mirror.",
      ),
    pauseMs === undefined ? {} : { pauseMs },
  );
}

/** An answer that gives no file, whoever asks. */
export function notServed(url: string, status: number): UserError {
  const isGone = [404, 410, 451].includes(status);
  return new UserError(
    url,
    isGone ? `is not served any more: ${status}.` : `is answered with ${status}.`,
    "Give another address in locks/models.json.",
  );
}
