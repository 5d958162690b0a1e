/** Who gets into a fake registry: logins, tokens, limits. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { Refusal } from "./behaviour.ts";
import { type FakeRegistry, REPOSITORY, refuse } from "./fake-state.ts";

/** The token service: whoever has the login gets what is asked for. */
async function giveToken(
  { behaviour, door }: FakeRegistry,
  request: { url: string; authorization: string; body: string },
): Promise<{ status: number; headers?: Record<string, string>; body?: object }> {
  const { login = "", kind, uses = Number.POSITIVE_INFINITY } = behaviour.access ?? {};
  const status = door.busy.shift();
  if (status) return { status, headers: { "retry-after": "0" } };
  const given = new URL(request.url, "http://any").searchParams;
  const form = new URLSearchParams(request.body);
  const isKnown =
    kind === "identity"
      ? form.get("grant_type") === "refresh_token" && form.get("refresh_token") === login
      : request.authorization === `Basic ${Buffer.from(login).toString("base64")}`;
  if (!isKnown) return { status: 401 };
  const scope = (kind === "identity" ? form : given).getAll("scope").join(" ");
  door.scopes.push(scope);
  const token = `token-${door.scopes.length}`;
  door.tokens.set(token, { scope, uses });
  return { status: 200, body: kind === "identity" ? { access_token: token } : { token } };
}

/** What stands in the way of a request; undefined lets it in. */
function refusalAtTheDoor(
  { behaviour, door, host }: FakeRegistry,
  { method, repository, authorization }: { method: string; repository: string; authorization: string },
): { status: number; challenge?: string } | undefined {
  const { access } = behaviour;
  if (!access) return undefined;
  if (access.kind === "basic") {
    const isKnown = authorization === `Basic ${Buffer.from(access.login).toString("base64")}`;
    return isKnown ? undefined : { status: 401, challenge: 'Basic realm="registry"' };
  }
  const action = method === "GET" || method === "HEAD" ? "pull" : "push";
  const token = door.tokens.get(authorization.replace("Bearer ", ""));
  const realm = `Bearer realm="http://${host}/token",service="registry"`;
  const needed = `,scope="repository:${repository}:${action === "pull" ? "pull" : "pull,push"}"`;
  if (!token || token.uses-- <= 0) return { status: 401, challenge: `${realm}${needed}` };
  const isGranted = token.scope.split(" ").some((scope) => {
    const [, name, actions = ""] = scope.split(":");
    return name === repository && actions.split(",").includes(action);
  });
  if (isGranted) return undefined;
  const { status = 401, names = "scope" } = access.tooSmall ?? {};
  return names === "nothing" ? { status } : { status, challenge: `${realm}${needed}` };
}

/** Whether a request gets no further: no login, one too many, no such repository. */
export async function isTurnedAway(
  registry: FakeRegistry,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const { behaviour, requests, name } = registry;
  const { method = "", url = "", headers } = request;
  const authorization = headers.authorization ?? "";
  if (url.startsWith("/token")) {
    const { status, headers, body } = await giveToken(registry, {
      url,
      authorization,
      body: await text(request),
    });
    response.writeHead(status, headers).end(body && JSON.stringify(body));
    return true;
  }
  if (behaviour.sessions) response.setHeader("set-cookie", "sid=1; Path=/");
  if (behaviour.sessions && headers.cookie) {
    refuse(response, { status: 403, code: "FORBIDDEN", message: "CSRF token not found in request" });
    return true;
  }
  if (behaviour.limitEvery && requests.length % behaviour.limitEvery === 0 && method !== "PATCH") {
    response.setHeader("retry-after", "0").setHeader("ratelimit-remaining", "0;w=21600");
    refuse(response, {
      status: 429,
      code: "TOOMANYREQUESTS",
      message: "You have reached your pull rate limit.",
    });
    return true;
  }
  const refusal = refusalAtTheDoor(registry, { method, repository: REPOSITORY, authorization });
  if (refusal) {
    if (refusal.challenge) response.setHeader("www-authenticate", refusal.challenge);
    refuse(response, { status: refusal.status, code: "UNAUTHORIZED", message: `no login for ${name}` });
    return true;
  }
  const { noRepository } = behaviour;
  if (noRepository === "cut-off" && method === "POST") request.socket.destroy();
  else if (noRepository)
    refuse(response, typeof noRepository === "object" ? noRepository : UNKNOWN_REPOSITORY);
  return noRepository !== undefined;
}

const UNKNOWN_REPOSITORY: Refusal = {
  status: 404,
  code: "NAME_UNKNOWN",
  message: `The repository with name '${REPOSITORY}' does not exist in the registry with id '123456789012'`,
};
