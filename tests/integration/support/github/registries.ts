import { createHash } from "node:crypto";
import type { RequestListener } from "node:http";
import type { GitHubState } from "./state.ts";

/**
 * ghcr.io as far as a login goes: a token of a workflow is the password of any user, and a token to push is for whoever may
 * write packages. https://github.com/orgs/community/discussions/26274 has the 403 "denied" of one that may not.
 */
export function containerRegistry(state: GitHubState): RequestListener {
  return (request, response) => {
    const url = new URL(request.url ?? "", "https://ghcr.io");
    state.requests.push(`ghcr ${request.method} ${url.pathname}${url.search}`);
    if (url.pathname !== "/token") {
      const challenge =
        'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"';
      response.writeHead(401, { "www-authenticate": challenge }).end();
      return;
    }
    const login = /^Basic (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const token = state.tokens.get(Buffer.from(login, "base64").toString().split(":")[1] ?? "");
    const wantsPush = /:(?:pull,)?push/.test(url.searchParams.get("scope") ?? "");
    if (!token || (wantsPush && token.rights.packages !== "write")) {
      response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"denied"}]}');
      return;
    }
    response.writeHead(200, { "content-type": "application/json" }).end('{"token":"opaque"}');
  };
}

/** Docker Hub with one base image under every name: registry-1.docker.io, and the auth.docker.io that it leads to. */
export function dockerHub(state: GitHubState): RequestListener {
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [],
  });
  const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  return (request, response) => {
    state.requests.push(`hub ${request.method} ${request.url}`);
    if (request.url?.startsWith("/token")) {
      response.writeHead(200, { "content-type": "application/json" }).end('{"token":"anonymous"}');
      return;
    }
    const repo = /^\/v2\/(.+)\/manifests\//.exec(request.url ?? "")?.[1] ?? "";
    if (request.headers.authorization !== "Bearer anonymous") {
      const service = `realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:${repo}:pull"`;
      response.writeHead(401, { "www-authenticate": `Bearer ${service}` }).end();
      return;
    }
    const type = "application/vnd.oci.image.index.v1+json";
    const head = { "content-type": type, "docker-content-digest": digest, "content-length": manifest.length };
    response.writeHead(200, head).end(request.method === "HEAD" ? undefined : manifest);
  };
}
