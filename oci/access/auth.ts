/** The registry token flow: a 401 names a realm, the realm trades credentials for a short-lived token. */
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { isPassingStatus } from "../../lib/http-retry.ts";
import { type Challenge, isSafe } from "./challenges.ts";
import { isPassing } from "./connection-errors.ts";
import type { Credentials } from "./credentials.ts";

/** How often a token service is asked, and how long to wait in between. */
export interface TokenPatience {
  readonly attempts: number;
  pause(attempt: number, retryAfter?: string | null): Promise<void>;
}

const ONCE: TokenPatience = { attempts: 1, async pause() {} };

const TokenAnswer = z.object({ token: z.string().optional(), access_token: z.string().optional() });
const TIMEOUT_MS = 30_000;

/**
 * The `Authorization` header that answers a challenge.
 *
 * @param registry named in errors
 * @param repository asked for (pull only) when the challenge names no scope
 * @param credentials undefined: an anonymous token is asked for
 * @param patience with a token service that is away; a refusal is one at once
 * @returns undefined when only credentials could help and there are none.
 * @throws UserError when the realm refuses, cannot be reached or would get a password in the clear.
 */
export async function authorize(
  registry: string,
  repository: string,
  challenge: Challenge,
  credentials: Credentials | undefined,
  patience = ONCE,
): Promise<string | undefined> {
  if (challenge.scheme === "basic") {
    return credentials?.kind === "password" ? basic(credentials) : undefined;
  }
  const realm = challenge.parameters.realm;
  if (challenge.scheme !== "bearer" || !realm || !URL.canParse(realm)) {
    throw new UserError(
      `registry ${registry}`,
      `asks for a login of a kind that is not known ("${challenge.scheme}").`,
      "Use a registry that speaks basic or bearer authentication.",
    );
  }
  const url = new URL(realm);
  if (!isSafe(realm)) {
    throw new UserError(
      `registry ${registry}`,
      `wants the login sent to ${url.origin}, which is not encrypted.`,
      "Nothing was sent. Use a registry whose token service speaks HTTPS.",
    );
  }
  const { scope, request } = tokenRequest(url, challenge, repository, credentials);
  const answer = await askService(registry, url, request, patience);
  const who = credentials ? "the stored login" : "an anonymous request";
  return `Bearer ${readToken(registry, url, answer, `${who} for ${scope}`)}`;
}

/** What a token service is asked; whatever goes into its address is put there. */
function tokenRequest(
  url: URL,
  challenge: Challenge,
  repository: string,
  credentials: Credentials | undefined,
): { scope: string; request: RequestInit } {
  const service = challenge.parameters.service ?? "";
  // Several scopes, for a mount out of another repository, come in one parameter and go out in several.
  const scopes = (challenge.parameters.scope ?? `repository:${repository}:pull`).split(" ").filter(Boolean);
  const scope = scopes.join(" ");
  const request: RequestInit = {};
  if (credentials?.kind === "identity") {
    request.method = "POST";
    request.body = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "strata",
      refresh_token: credentials.token,
      service,
      scope,
    });
  } else {
    if (service) url.searchParams.set("service", service);
    url.searchParams.delete("scope");
    for (const each of scopes) url.searchParams.append("scope", each);
    if (credentials) request.headers = { authorization: basic(credentials) };
  }
  return { scope, request };
}

/** Asks again where the service is busy, restarts or breaks off. */
async function askService(
  registry: string,
  url: URL,
  request: RequestInit,
  patience: TokenPatience,
): Promise<{ status: number; body: string }> {
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt >= patience.attempts;
    try {
      const response = await fetch(url, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) });
      const { status } = response;
      const body = await response.text();
      if (isLast || !isPassingStatus(status)) return { status, body };
      await patience.pause(attempt, response.headers.get("retry-after"));
    } catch (error) {
      if (!isLast && isPassing(error as Error)) {
        await patience.pause(attempt);
        continue;
      }
      const cause = (error as Error).cause ?? error;
      throw new UserError(
        `registry ${registry}`,
        `its token service ${url.host} does not answer (${(cause as Error).message}).`,
        "Check the network and try again.",
      );
    }
  }
}

function readToken(
  registry: string,
  url: URL,
  { status, body }: { status: number; body: string },
  asked: string,
): string {
  if (status < 200 || status > 299) {
    throw new UserError(
      `registry ${registry}`,
      `its token service ${url.host} answered ${status} to ${asked}.`,
      isPassingStatus(status)
        ? "It is busy or away, which says nothing about the login: try again later."
        : `Run \`docker login ${registry}\` with an account that may read it, or check the name.`,
    );
  }
  const token = parseToken(body);
  if (token) return token;
  throw new UserError(
    `registry ${registry}`,
    `its token service ${url.host} sent no token.`,
    "Try again later.",
  );
}

function parseToken(body: string): string | undefined {
  try {
    const { token, access_token } = TokenAnswer.parse(JSON.parse(body));
    return token || access_token;
  } catch {
    return undefined;
  }
}

/** The header of a login with a password. */
export function basic(credentials: Extract<Credentials, { kind: "password" }>): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}
