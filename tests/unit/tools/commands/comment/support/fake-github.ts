import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";

export interface FakeComment {
  readonly id: number;
  body: string;
  readonly login: string;
}

/** A trouble that meets a request instead of its answer, or after it was done. */
export interface Trouble {
  readonly method: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly message?: string;
  /** The request takes effect all the same, as when an answer is lost. */
  readonly done?: boolean;
  /** Runs before the request is looked at. */
  readonly meanwhile?: () => void;
}

export interface FakeGitHub {
  readonly url: string;
  readonly comments: FakeComment[];
  /** `METHOD path?query` of every request. */
  readonly requests: string[];
  /** What was sent as authorization. */
  readonly authorizations: Set<string>;
  /** Each is met once, by the first request with its method. */
  readonly troubles: Trouble[];
  /** Pull requests of the repository. */
  readonly pulls: { number: number; head: { sha: string; label: string } }[];
  [Symbol.asyncDispose](): Promise<void>;
}

export const account = "github-actions[bot]";

/**
 * The part of GitHub's REST interface that a comment needs, on loopback: comments of o/n#7 in pages, pull requests by
 * head, and troubles on request.
 */
export async function startFakeGitHub(
  comments: readonly Omit<FakeComment, "id">[] = [],
): Promise<FakeGitHub> {
  let last = 0;
  const fake: Omit<FakeGitHub, "url" | typeof Symbol.asyncDispose> = {
    comments: comments.map((comment) => ({ id: ++last, ...comment })),
    requests: [],
    authorizations: new Set(),
    troubles: [],
    pulls: [],
  };
  const shown = ({ id, body, login }: FakeComment) => ({
    id,
    body,
    html_url: `https://github.com/o/n/pull/7#issuecomment-${id}`,
    user: { login, type: login.endsWith("[bot]") ? "Bot" : "User" },
  });

  async function answer(request: IncomingMessage, response: ServerResponse, base: string): Promise<void> {
    const { method = "", url = "" } = request;
    fake.requests.push(`${method} ${url}`);
    fake.authorizations.add(request.headers.authorization ?? "");
    const sent =
      method === "POST" || method === "PATCH" ? ((await json(request)) as { body: string }) : { body: "" };
    const { pathname, searchParams } = new URL(url, base);
    const index = fake.troubles.findIndex((trouble) => trouble.method === method);
    const [trouble] = index < 0 ? [] : fake.troubles.splice(index, 1);
    trouble?.meanwhile?.();
    const reply =
      trouble && trouble.status > 0 && !trouble.done
        ? undefined
        : handle(method, pathname, searchParams, sent);
    if (trouble && trouble.status > 0) {
      response.writeHead(trouble.status, { "content-type": "application/json", ...trouble.headers });
      response.end(JSON.stringify({ message: trouble.message ?? "trouble" }));
      return;
    }
    const { status = 404, body = { message: "Not Found" }, headers = {} } = reply ?? {};
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  }

  interface Reply {
    readonly status?: number;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
  }

  function handle(method: string, path: string, query: URLSearchParams, sent: { body: string }): Reply {
    if (path === "/user") return { status: 403, body: { message: "Resource not accessible by integration" } };
    if (path === "/repos/o/n/pulls") {
      const found = fake.pulls.filter(({ head }) => head.label === query.get("head"));
      return { status: 200, body: found };
    }
    if (path === "/repos/o/n/issues/7/comments") {
      if (method === "GET") return page(query);
      const comment = { id: ++last, body: sent.body, login: account };
      fake.comments.push(comment);
      return { status: 201, body: shown(comment) };
    }
    const id = Number(/^\/repos\/o\/n\/issues\/comments\/(\d+)$/.exec(path)?.[1]);
    const comment = fake.comments.find((candidate) => candidate.id === id);
    if (!comment) return {};
    if (method === "PATCH") comment.body = sent.body;
    if (method === "DELETE") fake.comments.splice(fake.comments.indexOf(comment), 1);
    return method === "DELETE" ? { status: 204 } : { status: 200, body: shown(comment) };
  }

  function page(query: URLSearchParams): Reply {
    // Smaller than what is asked for, so that pages matter.
    const size = Math.min(10, Number(query.get("per_page") ?? 30));
    const number = Number(query.get("page") ?? 1);
    const found = fake.comments.slice((number - 1) * size, number * size).map(shown);
    const more = number * size < fake.comments.length;
    const next = `<${address}/repos/o/n/issues/7/comments?per_page=${query.get("per_page")}&page=${number + 1}>; rel="next"`;
    return { status: 200, body: found, headers: more ? { link: next } : {} };
  }

  let address = "";
  const server = createServer((request, response) => {
    answer(request, response, address).catch((error) => {
      response.writeHead(599).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the server has no port");
  address = `http://127.0.0.1:${bound.port}`;
  return {
    ...fake,
    url: address,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
