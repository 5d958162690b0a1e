import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import { buffer, text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import timers, { setTimeout as sleep } from "node:timers/promises";
import { sharedTransport, Transport } from "../../../../oci/access/transport.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const target = (registry: FakeRegistry, repository = REPOSITORY) => ({ registry: registry.host, repository });

/** What would be sent to a registry that is not on this machine. */
async function sentTo(t: TestContext, registry: string, path = "manifests/t") {
  const fetched = t.mock.method(globalThis, "fetch", async () => new Response(""));
  await quickTransport().request({ registry, repository: "a/b" }, path);
  const [call] = fetched.mock.calls as unknown as { arguments: [URL, RequestInit] }[];
  fetched.mock.restore();
  return String(call?.arguments[0]);
}

test("registries elsewhere speak HTTPS, and Docker Hub on another host than its name says", async (t) => {
  assert.equal(await sentTo(t, "r.invalid"), "https://r.invalid/v2/a/b/manifests/t");
  assert.equal(await sentTo(t, "r.invalid", "/v2/x?y=1"), "https://r.invalid/v2/x?y=1");
  assert.equal(await sentTo(t, "docker.io"), "https://registry-1.docker.io/v2/a/b/manifests/t");
  assert.equal(await sentTo(t, "localhost:1"), "http://localhost:1/v2/a/b/manifests/t");
});

test("what is sent: the method, the headers, and the body with each attempt; nothing may be packed on the way", async () => {
  await using registry = await startFakeRegistry();
  const seen: unknown[] = [];
  registry.intercept = async (request, response) => {
    const { "accept-encoding": encoding, a } = request.headers;
    seen.push([request.method, encoding, a, await text(request)]);
    response.writeHead(seen.length === 2 ? 503 : 200).end();
    return true;
  };
  const transport = quickTransport();
  await transport.request(target(registry), "x");
  await transport.request(target(registry), "x", {
    method: "PUT",
    headers: { a: "b" },
    body: Buffer.from("c"),
  });
  const put = ["PUT", "identity", "b", "c"];
  assert.deepEqual(seen, [["GET", "identity", undefined, ""], put, put]);
});

test("a stream is sent once: its sender says what is to be done about a failure", async () => {
  await using registry = await startFakeRegistry();
  const seen: string[] = [];
  registry.intercept = async (request, response) => {
    seen.push((await buffer(request)).toString());
    response.writeHead(503).end();
    return true;
  };
  const stream = async function* () {
    yield Buffer.from("a");
    yield Buffer.from("b");
  };
  const answer = await quickTransport(3).request(target(registry), "x", { method: "PATCH", stream });
  assert.equal(answer.status, 503);
  assert.deepEqual(seen, ["ab"]);
  registry.intercept = ({ socket }) => {
    seen.push("broken");
    socket.destroy();
    return true;
  };
  await assert.rejects(quickTransport(3).request(target(registry), "x", { method: "PATCH", stream }));
  assert.equal(seen.length, 2);
});

/** Gives everybody a token, and lets in whoever has that of the repository. */
function guard(registry: FakeRegistry) {
  const seen: string[] = [];
  registry.intercept = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://any");
    if (pathname === "/token") {
      response.end(JSON.stringify({ token: searchParams.get("scope")?.split(":")[1] }));
      return true;
    }
    const repository = /^\/v2\/(.*)\/x$/.exec(pathname)?.[1];
    seen.push(`${repository} ${request.headers.authorization ?? "nobody"}`);
    if (request.headers.authorization === `Bearer ${repository}`) response.writeHead(200);
    else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${registry.host}/token"` });
    response.end();
    return true;
  };
  return seen;
}

test("a token is for its repository alone, and one more attempt is not what a login costs", async () => {
  await using registry = await startFakeRegistry();
  const seen = guard(registry);
  const transport = quickTransport(1);
  for (const repository of ["a", "b", "a"])
    assert.equal((await transport.request(target(registry, repository), "x")).status, 200, repository);
  assert.deepEqual(seen, ["a nobody", "a Bearer a", "b nobody", "b Bearer b", "a Bearer a"]);
});

test("a stream that meets a login is answered with 401, and the next one goes through", async () => {
  await using registry = await startFakeRegistry();
  const seen = guard(registry);
  const transport = quickTransport();
  const stream = async function* () {
    yield Buffer.from("a");
  };
  const send = async () =>
    (await transport.request(target(registry, "a"), "x", { method: "PATCH", stream })).status;
  assert.deepEqual([await send(), await send()], [401, 200]);
  assert.deepEqual(seen, ["a nobody", "a Bearer a"]);
});

test("whoever is still not let in after a login is told so; without a challenge nobody logs in", async () => {
  for (const challenge of ['Bearer realm="TOKEN"', 'Basic realm="r"', undefined]) {
    await using registry = await startFakeRegistry();
    const asked: string[] = [];
    registry.intercept = (request, response) => {
      asked.push(request.url ?? "");
      if (request.url?.startsWith("/token")) response.end('{"token":"wrong"}');
      else {
        const realm = challenge?.replace("TOKEN", `http://${registry.host}/token`);
        response.writeHead(401, realm ? { "www-authenticate": realm } : {}).end();
      }
      return true;
    };
    assert.equal((await quickTransport(3).request(target(registry), "x")).status, 401);
    assert.equal(asked.length, challenge?.startsWith("Bearer") ? 3 : 1, challenge);
  }
});

test("a request may be given more time than the transport gives", async () => {
  await using registry = await startFakeRegistry();
  registry.intercept = async (_, response) => {
    await sleep(150);
    response.end();
    return true;
  };
  const impatient = new Transport({ timeoutMs: 50, attempts: 1, dockerConfig: "no-such-folder" });
  await assert.rejects(impatient.request(target(registry), "x"), /ETIMEDOUT/);
  assert.equal((await impatient.request(target(registry), "x", { timeoutMs: 10_000 })).status, 200);
});

test("Node's own limit for the beginning of an answer does not count, nor that for its parts", async (t) => {
  await using registry = await startFakeRegistry();
  registry.intercept = async (_, response) => {
    // Node looks at its limits once a second.
    await sleep(1_600);
    response.write("a");
    await sleep(1_600);
    response.end("b");
    return true;
  };
  // Node's 300 s, shorter: the agent that it has, with other limits.
  const known = globalThis as unknown as Record<symbol, { constructor: new (options: object) => object }>;
  const place = Symbol.for("undici.globalDispatcher.1");
  const before = known[place] ?? assert.fail();
  t.after(() => {
    known[place] = before;
  });
  known[place] = new before.constructor({ headersTimeout: 100, bodyTimeout: 100 }) as typeof before;
  const direct = fetch(`http://${registry.host}/`).catch((error: Error) => error.cause);
  const transport = new Transport({ timeoutMs: 5_000, attempts: 1, dockerConfig: "no-such-folder" });
  const answer = await transport.request(target(registry), "x");
  assert.equal((await answer.bytes()).toString(), "ab");
  assert.match(String(await direct), /Headers ?Timeout/i);
});

test("pauses grow, differ so that many do not ask again at once, and are as long as the registry asks", async (t) => {
  const paused: number[] = [];
  const before = timers.setTimeout;
  const set = (to: unknown) => {
    Object.assign(timers, { setTimeout: to });
    syncBuiltinESMExports();
  };
  set(async (ms: number) => void paused.push(ms));
  t.after(() => set(before));
  const random = t.mock.method(Math, "random", () => 0);
  const transport = new Transport({ backoffMs: 40 });
  for (const attempt of [1, 2, 3]) await transport.pause(attempt);
  random.mock.mockImplementation(() => 0.5);
  for (const attempt of [1, 20]) await transport.pause(attempt);
  for (const asked of ["0", "7", "3600", "odd"]) await transport.pause(1, asked);
  await new Transport().pause(1);
  assert.deepEqual(paused, [30, 60, 120, 40, 60_000, 0, 7_000, 60_000, 40, 500]);
});

test("a broken connection is tried as often as the transport says, after a login too", async () => {
  await using registry = await startFakeRegistry();
  registry.intercept = ({ socket }) => {
    socket.destroy();
    return true;
  };
  await assert.rejects(quickTransport(3).request(target(registry), "x"), /does not answer/);
  assert.equal(registry.requests.length, 3);
  const answers = [401, 503, 200];
  registry.intercept = (request, response) => {
    if (request.url?.startsWith("/token")) response.end('{"token":"t"}');
    else {
      const challenge = { "www-authenticate": `Bearer realm="http://${registry.host}/token"` };
      response.writeHead(answers.shift() ?? 500, challenge).end();
    }
    return true;
  };
  assert.equal((await quickTransport(2).request(target(registry), "x")).status, 200);
});

test("one transport serves a whole run, and tries five times", () => {
  assert.equal(sharedTransport(), sharedTransport());
  assert.equal(new Transport().attempts, 5);
  assert.equal(new Transport({ attempts: 2 }).attempts, 2);
});
