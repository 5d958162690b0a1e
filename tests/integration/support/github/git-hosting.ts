import { spawn } from "node:child_process";
import type { IncomingMessage, RequestListener } from "node:http";
import { buffer } from "node:stream/consumers";
import { execaSync } from "execa";
import { type GitHubState, REPOSITORY } from "./state.ts";

const backend = `${execaSync("git", ["--exec-path"]).stdout}/git-http-backend`;

/**
 * github.com for git: a public repository over HTTPS. Anybody may read it; who pushes needs a token that may write contents,
 * as the password of any user. Without one git is asked for a login (401), with one that may not it is told so (403).
 */
export function gitHosting(state: GitHubState): RequestListener {
  return (request, response) => {
    serve(state, request).then(
      ({ status, headers, body }) => {
        state.requests.push(`git ${request.method} ${request.url} ${status}`);
        response.writeHead(status, headers).end(body);
      },
      (error) => response.writeHead(500).end(String(error)),
    );
  };
}

interface GitReply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer | string;
}

async function serve(state: GitHubState, request: IncomingMessage): Promise<GitReply> {
  const { pathname, search } = new URL(request.url ?? "", "https://github.com");
  const [, path] = new RegExp(`^/${REPOSITORY}(?:\\.git)?(/.*)$`).exec(pathname) ?? [];
  if (path === undefined) return { status: 404, headers: {}, body: "Repository not found." };
  const [, login = ""] = /^basic (\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const token = state.tokens.get(Buffer.from(login, "base64").toString().split(":")[1] ?? "");
  const isPush = `${path}${search}`.includes("git-receive-pack");
  if ((login !== "" && !token) || (isPush && !token)) {
    return { status: 401, headers: { "www-authenticate": 'Basic realm="GitHub"' }, body: "" };
  }
  const needed = isPush ? ["write"] : ["read", "write"];
  if (token && !needed.includes(token.rights.contents ?? "")) {
    return { status: 403, headers: {}, body: "Write access to repository not granted." };
  }
  return await runBackend(state.git, request, path, search, token?.login);
}

/** As CGI has it: the request in variables, the answer's head before its body. */
async function runBackend(
  git: string,
  request: IncomingMessage,
  path: string,
  search: string,
  user: string | undefined,
): Promise<GitReply> {
  const { method = "GET", headers } = request;
  const child = spawn(backend, [], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: git,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: path,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: method,
      CONTENT_TYPE: headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
      ...(user ? { REMOTE_USER: user } : {}),
    },
  });
  // It may have answered and ended before it reads.
  child.stdin.on("error", () => {});
  child.stdin.end(await buffer(request));
  const answer = await buffer(child.stdout);
  const end = answer.indexOf("\r\n\r\n");
  const lines = answer.subarray(0, end).toString().split("\r\n");
  const fields = Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
  const { Status: status = "200", ...rest } = fields;
  return { status: Number.parseInt(status, 10), headers: rest, body: answer.subarray(end + 4) };
}
