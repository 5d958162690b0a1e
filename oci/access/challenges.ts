/** What a 401 asks for: the challenges of `WWW-Authenticate`, and which of them is answered. */
import { isLoopback } from "../references.ts";
import type { Credentials } from "./credentials.ts";

/** What a `WWW-Authenticate` header asks for. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

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

/** Whether a login may be sent there. */
export function isSafe(realm = ""): boolean {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  return url !== undefined && (url.protocol === "https:" || isLoopback(url.host));
}

/** What a token has to allow beside reading. */
export type Action = "push" | "delete";

/** What a request needs; undefined for reading. */
export function neededAction(method = "GET"): Action | undefined {
  if (method === "DELETE") return "delete";
  return method === "GET" || method === "HEAD" ? undefined : "push";
}

/** Whether a token for this challenge may do that somewhere. */
export function allows({ parameters }: Challenge, action: Action): boolean {
  const actions = (parameters.scope ?? "").split(" ").flatMap((scope) => scope.split(":").at(-1)?.split(","));
  return actions.includes(action) || actions.includes("*");
}

/**
 * The challenge with a scope that is enough to write to a repository, or to remove from it. Some name no scope, or that of
 * the request before, or only that of the repository that a blob is mounted from.
 */
export function allowing(challenge: Challenge, repository: string, action: Action): Challenge {
  if (allows(challenge, action)) return challenge;
  const own = `repository:${repository}:`;
  const others = (challenge.parameters.scope ?? "")
    .split(" ")
    .filter((name) => name && !name.startsWith(own));
  const scope = [`${own}pull,push${action === "delete" ? ",delete" : ""}`, ...others].join(" ");
  return { ...challenge, parameters: { ...challenge.parameters, scope } };
}
