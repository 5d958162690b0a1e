import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { readImage } from "../../../../oci/read/image.ts";
import { copyImage } from "../../../../oci/write/copy.ts";
import { pushImage } from "../../../../oci/write/push.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const OWN = `repository:${REPOSITORY}:`;
const isWrite = ({ method }: IncomingMessage) => method !== "GET" && method !== "HEAD";

/** How a registry answers to a token that is good for less than is asked. */
interface Refusal {
  readonly status: 401 | 403;
  /** The scope that its challenge names; null: it sends no challenge. */
  readonly scope: (request: IncomingMessage) => string | undefined | null;
}
const needed = (request: IncomingMessage) => `${OWN}${isWrite(request) ? "pull,push" : "pull"}`;
const refusals: Record<string, Refusal> = {
  "distribution and Docker Hub: 401 that names the scope": { status: 401, scope: needed },
  "Docker Hub's /v2/ (containerd#1318): 401 without a scope": { status: 401, scope: () => undefined },
  "401 that goes on naming the smaller scope": { status: 401, scope: () => `${OWN}pull` },
  "IBM (devcontainers/cli#945): 403 that names the scope": { status: 403, scope: needed },
  "GCR (containerd#1318): 403 without a challenge": { status: 403, scope: () => null },
};

/** Gives everybody the tokens that are asked for, and lets in whose token is good for it; `scopes` has what was asked. */
function guard(registry: FakeRegistry, refusal: Refusal, isGranted = (_: string) => true) {
  const scopes: string[] = [];
  registry.intercept = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://any");
    if (pathname === "/token") {
      const scope = searchParams.getAll("scope").join(" ");
      scopes.push(scope);
      if (isGranted(scope)) response.end(JSON.stringify({ token: scope.replaceAll(" ", "+") }));
      else response.writeHead(403).end();
      return true;
    }
    const token = request.headers.authorization;
    const actions = token?.split(OWN)[1]?.split("+")[0]?.split(",") ?? [];
    if (actions.includes(isWrite(request) ? "push" : "pull")) return false;
    const status = token ? refusal.status : 401;
    const scope = token ? refusal.scope(request) : needed(request);
    const named = scope === undefined ? "" : `,scope="${scope}"`;
    const challenge = `Bearer realm="http://${registry.host}/token",service="r"${named}`;
    response.writeHead(status, scope === null ? {} : { "www-authenticate": challenge }).end();
    return true;
  };
  return scopes;
}

for (const [name, refusal] of Object.entries(refusals))
  test(`a push that begins by reading gets a larger token in its middle: ${name}`, async () => {
    await using registry = await startFakeRegistry();
    registry.image("one", []);
    const scopes = guard(registry, refusal);
    const transport = quickTransport();
    await readImage(`${registry.host}/${REPOSITORY}:one`, transport);
    const config = { architecture: "amd64", os: "linux" };
    const reference = await pushImage(
      `${registry.host}/${REPOSITORY}:one`,
      { ...config, x: 1 },
      [],
      transport,
    );
    assert.ok(registry.content.has(`manifests/${reference.split("@")[1]}`));
    assert.deepEqual(scopes, [`${OWN}pull`, `${OWN}pull,push`]);
  });

test("one larger token, and then the truth: who may not write is told so, and nobody asks for more to read", async () => {
  for (const refusal of Object.values(refusals)) {
    await using registry = await startFakeRegistry();
    registry.image("one", []);
    const scopes = guard(registry, refusal);
    const readOnly = registry.intercept;
    registry.intercept = async (request, response) => {
      if (await readOnly?.(request, response)) return true;
      if (!isWrite(request)) return false;
      const body = { errors: [{ code: "DENIED", message: "read only" }] };
      response.writeHead(403).end(JSON.stringify(body));
      return true;
    };
    const transport = quickTransport();
    const beside = `${registry.host}/${REPOSITORY}:one`;
    await readImage(beside, transport);
    await assert.rejects(pushImage(beside, { x: 1 }, [], transport), /answered 403 .*DENIED: read only/);
    assert.deepEqual(scopes, [`${OWN}pull`, `${OWN}pull,push`]);
  }
  await using registry = await startFakeRegistry();
  const asked: string[] = [];
  registry.intercept = (request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(403).end();
    return true;
  };
  await assert.rejects(readImage(`${registry.host}/${REPOSITORY}:one`, quickTransport()), /answered 403/);
  assert.equal(asked.length, 1);
});

test("where no token is given for the repository that a blob lies in, it is sent and not mounted", async () => {
  await using registry = await startFakeRegistry();
  const { digest } = registry.image("one", []);
  const other = `${registry.host}/${REPOSITORY}/copy`;
  const both = `repository:${REPOSITORY}/copy:pull,push ${OWN}pull`;
  const blobs = new Set<string>();
  const tokens: string[] = [];
  registry.intercept = async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://any");
    if (pathname === "/token") {
      tokens.push(searchParams.getAll("scope").join(" "));
      response.writeHead(403).end();
      return true;
    }
    if (!pathname.includes("/copy/")) return false;
    if (request.method === "HEAD") response.writeHead(404).end();
    else if (searchParams.has("mount")) {
      const challenge = `Bearer realm="http://${registry.host}/token",scope="${both}"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
    } else if (request.method === "POST") response.writeHead(202, { location: "/v2/x/copy/up" }).end();
    else {
      request.resume();
      if (searchParams.has("digest")) blobs.add(searchParams.get("digest") ?? "");
      response.writeHead(request.method === "PATCH" ? 202 : 201, { location: "/v2/x/copy/up" }).end();
    }
    return true;
  };
  await copyImage(`${registry.host}/${REPOSITORY}@${digest}`, other, quickTransport());
  assert.deepEqual(tokens, [both]);
  assert.equal(blobs.size, 1);
});
