/** The registry token flow: a 401 names a realm, the realm trades credentials for a short-lived token. */
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { isLoopback } from "../references.ts";
import type { Credentials } from "./credentials.ts";

/** What a `WWW-Authenticate` header asks for. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const TokenAnswer = z.object({ token: z.string().optional(), access_token: z.string().optional() });
const TIMEOUT_MS = 30_000;

const CHALLENGE_PART = /[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z/-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/gy;

/**
 * The challenges of `Bearer realm="…",service="…",scope="…", Basic realm="…"`, in their order: a registry may offer
 * several, in one header or in some, which `Headers` joins by a comma (RFC 9110, 11.6.1). Ends at what is none.
 */
export function parseChallenges(header: string | null): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (const [, name = "", quoted, bare] of (header ?? "").matchAll(CHALLENGE_PART)) {
    const value = quoted?.replace(/\\(.)/g, "$1") ?? bare;
    const current = challenges.at(-1);
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    else if (current) current.parameters[name.toLowerCase()] = value;
    else return [];
  }
  return challenges;
}

/**
 * The first challenge that can be answered with what is known; else one that a password would answer, else the first,
 * so that the error is about it. Negotiate stands before Basic in some registries (go-containerregistry, ping.go).
 */
export function chooseChallenge(
  challenges: readonly Challenge[],
  credentials: Credentials | undefined,
): Challenge | undefined {
  const isServed = ({ scheme, parameters }: Challenge) =>
    scheme === "basic" ? credentials?.kind === "password" : scheme === "bearer" && isSafe(parameters.realm);
  return challenges.find(isServed) ?? challenges.find(({ scheme }) => scheme === "basic") ?? challenges[0];
}

function isSafe(realm = ""): boolean {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  return url !== undefined && (url.protocol === "https:" || isLoopback(url.host));
}

/**
 * The `Authorization` header that answers a challenge.
 *
 * @param registry named in errors
 * @param repository asked for (pull only) when the challenge names no scope
 * @param credentials undefined: an anonymous token is asked for
 * @returns undefined when only credentials could help and there are none.
 * @throws UserError when the realm refuses, cannot be reached or would get a password in the clear.
 */
export async function authorize(
  registry: string,
  repository: string,
  challenge: Challenge,
  credentials: Credentials | undefined,
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
  return `Bearer ${await fetchToken(registry, url, challenge, repository, credentials)}`;
}

async function fetchToken(
  registry: string,
  url: URL,
  challenge: Challenge,
  repository: string,
  credentials: Credentials | undefined,
): Promise<string> {
  const service = challenge.parameters.service ?? "";
  // Several scopes, for a mount out of another repository, come in one parameter and go out in several.
  const scopes = (challenge.parameters.scope ?? `repository:${repository}:pull`).split(" ").filter(Boolean);
  const scope = scopes.join(" ");
  const request: RequestInit = { signal: AbortSignal.timeout(TIMEOUT_MS) };
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
  let response: Response;
  try {
    response = await fetch(url, request);
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    throw new UserError(
      `registry ${registry}`,
      `its token service ${url.host} does not answer (${(cause as Error).message}).`,
      "Check the network and try again.",
    );
  }
  const body = await response.text();
  if (!response.ok) {
    throw new UserError(
      `registry ${registry}`,
      `its token service ${url.host} answered ${response.status} ${
        credentials ? "to the stored login" : "to an anonymous request"
      } for ${scope}.`,
      `Run \`docker login ${registry}\` with an account that may read it, or check the name.`,
    );
  }
  const answer = parseToken(body);
  if (!answer) {
    throw new UserError(
      `registry ${registry}`,
      `its token service ${url.host} sent no token.`,
      "Try again later.",
    );
  }
  return answer;
}

function parseToken(body: string): string | undefined {
  try {
    const { token, access_token } = TokenAnswer.parse(JSON.parse(body));
    return token || access_token;
  } catch {
    return undefined;
  }
}

function basic(credentials: Extract<Credentials, { kind: "password" }>): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}
