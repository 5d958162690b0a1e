import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { notFound, type Question, type Reply, refused, routes } from "./rest-routes.ts";
import type { GitHubState, Token } from "./state.ts";

/**
 * GitHub's REST interface as its documentation and answers have it: a token of a workflow may not ask who it is; a right that
 * is missing is 403 "Resource not accessible by integration"; an artifact is led to an address elsewhere, which wants no token.
 */
export function restInterface(state: GitHubState): RequestListener {
  return (request, response) => {
    answer(state, request).then(
      (reply) => send(state, request, response, reply),
      (error) => send(state, request, response, { status: 500, body: { message: String(error) } }),
    );
  };
}

function send(
  state: GitHubState,
  { method, url }: IncomingMessage,
  response: ServerResponse,
  { status, body, headers = {} }: Reply,
): void {
  state.requests.push(`${method} ${url} ${status}`);
  const isBytes = Buffer.isBuffer(body);
  response.writeHead(status, {
    "content-type": isBytes ? "application/zip" : "application/json; charset=utf-8",
    ...headers,
  });
  response.end(body === undefined ? undefined : isBytes ? body : JSON.stringify(body));
}

async function answer(state: GitHubState, request: IncomingMessage): Promise<Reply> {
  const { pathname, searchParams: query } = new URL(request.url ?? "", "https://api.github.com");
  const blob = /^\/blobs\/(\d+)$/.exec(pathname)?.[1];
  if (blob) return { status: 200, body: state.artifacts.find(({ id }) => id === Number(blob))?.zip };
  const given = /^(?:token|bearer) (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const token = state.tokens.get(given ?? "");
  if (!token) return refused(given ? "Bad credentials" : "Requires authentication", 401);
  for (const { method, path, needs, answer: reply } of routes) {
    const found = request.method === method && path.exec(pathname);
    if (!found) continue;
    if (needs && !allows(token, ...needs)) return refused("Resource not accessible by integration");
    const sent = method === "GET" || method === "DELETE" ? {} : ((await json(request)) as Question["sent"]);
    return await reply({ state, token, query, sent, parts: found.slice(1) });
  }
  return notFound;
}

function allows({ rights }: Token, right: string, level: "read" | "write"): boolean {
  return rights[right] === "write" || (level === "read" && rights[right] === "read");
}
