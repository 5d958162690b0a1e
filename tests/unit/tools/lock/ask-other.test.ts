import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { modelLockPath, parseModelLock } from "../../../../lib/locks/model-lock.ts";
import type { SourceAccess } from "../../../../tools/lock/ask.ts";
import { askSource } from "../../../../tools/lock/ask-source.ts";
import { refresh } from "../../../../tools/lock/refresh.ts";
import { temporaryFolder } from "../../support/folder.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * A server that all names of the web lead to, and what it was asked, `<method> <address> <range> <login>`.
 * It answers for a host and path as `answers` says.
 */
async function web(context: TestContext, answers: Readonly<Record<string, Answer>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const address = request.headers["x-address"] as string;
    const { authorization = "-", range = "all" } = request.headers;
    asked.push(`${request.method} ${address} ${range} ${authorization}`);
    const answer = answers[address];
    if (answer) answer(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const real = globalThis.fetch;
  context.mock.method(globalThis, "fetch", (address: string, init: RequestInit) =>
    real(`http://127.0.0.1:${port}/`, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), "x-address": address },
    }),
  );
  return asked;
}

const access = (more: Partial<SourceAccess> = {}): SourceAccess => ({ mirrors: {}, pauseMs: 1, ...more });
const key = "civitai-very-secret";
const storage = "https://delivery.r2.cloudflarestorage.com/a?X-Amz-Signature=1";
const page: Answer = (_, response) =>
  response
    .writeHead(200, { "content-type": "text/html; charset=utf-8", "content-length": "20" })
    .end("<html>a login</html>");

/** As R2 does: the address is signed for GET, without a second login. */
const signed: Answer = ({ method, headers }, response) => {
  if (method !== "GET") response.writeHead(403).end();
  else if (headers.authorization) response.writeHead(400).end();
  else if (headers.range === "bytes=0-0")
    response.writeHead(206, { "content-range": "bytes 0-0/6938040682", "content-length": "1" }).end("x");
  else response.writeHead(200, { "content-length": "6938040682" }).end();
};

/**
 * As CivitAI's own source answers (civitai/civitai, src/pages/api/download/models): HEAD is refused whoever asks
 * (vast-ai/base-image#215), a browser goes to a login, others get 401, and who may have the file is sent to the storage.
 */
const download =
  (unknown: Answer): Answer =>
  (request, response) => {
    if (request.method !== "GET") response.writeHead(401).end();
    else if (request.headers.authorization === `Bearer ${key}`)
      response.writeHead(307, { location: storage }).end();
    else unknown(request, response);
  };
const unauthorized: Answer = (_, response) => response.writeHead(401).end('{"error":"Unauthorized"}');
const toLogin: Answer = (_, response) =>
  response.writeHead(302, { location: "/login?returnUrl=%2Fmodel-versions%2F1&reason=download-auth" }).end();

for (const name of ["civitai.com", "civitai.green", "civitai.red"]) {
  test(`${name}: GET with a range and the key, which the storage never sees`, async (context) => {
    const url = `https://${name}/api/download/models/1?type=Model`;
    const asked = await web(context, { [url]: download(unauthorized), [storage]: signed });
    const facts = await askSource(url, access({ civitaiToken: key, token: "hf_secret" }));
    assert.deepEqual([facts.url, facts.size], [url, 6_938_040_682]);
    assert.deepEqual(asked, [`GET ${url} bytes=0-0 Bearer ${key}`, `GET ${storage} bytes=0-0 -`]);
  });
}

test("the key goes to no address that only looks like CivitAI's", async (context) => {
  const others = [
    "https://civitai.com.example.org/api/download/models/1",
    "https://image.civitai.com/a",
    "https://civitai.com:444/a",
    "http://civitai.red/a",
    "https://example.org/https://civitai.com/a",
  ];
  const asked = await web(context, Object.fromEntries(others.map((url) => [url, signed])));
  for (const url of others) await askSource(url, access({ civitaiToken: key }));
  assert.ok(
    asked.every((line) => line.endsWith(" -")),
    asked.join("\n"),
  );
});

const url = "https://civitai.com/api/download/models/1";
const refusals: readonly [string, Answer, string | undefined, RegExp][] = [
  ["no key and 401", unauthorized, undefined, /wants a login \(401\)\. Set CIVITAI_TOKEN/],
  [
    "no key and a login page",
    toLogin,
    undefined,
    /gives a page, not the file: it wants a login\. Set CIVITAI_TOKEN/,
  ],
  [
    "another's key",
    unauthorized,
    "other",
    /is not given to the owner of CIVITAI_TOKEN \(401\)\. .*early access/,
  ],
  [
    "another's key and a page",
    toLogin,
    "wrong-key",
    /gives a page, not the file, to the owner of CIVITAI_TOKEN/,
  ],
  [
    "early access",
    (_, response) => response.writeHead(403).end(),
    "wrong-key",
    /owner of CIVITAI_TOKEN \(403\)/,
  ],
  ["archived", (_, response) => response.writeHead(410).end(), "wrong-key", /is not served any more: 410/],
  ["a wrong id", (_, response) => response.writeHead(400).end(), "wrong-key", /is answered with 400/],
];
for (const [what, unknown, civitaiToken, problem] of refusals) {
  test(`CivitAI, ${what}: named, and never taken for the file`, async (context) => {
    const login = "https://civitai.com/login?returnUrl=%2Fmodel-versions%2F1&reason=download-auth";
    await web(context, { [url]: download(unknown), [login]: page });
    await assert.rejects(askSource(url, access({ civitaiToken })), ({ message }: Error) => {
      assert.match(message, problem);
      return message.startsWith(`${url}: `) && !message.includes(civitaiToken ?? key);
    });
  });
}

test("a storage that refuses is named, and so is a host that wants a login of its own", async (context) => {
  const own = "https://files.example.org/a.safetensors";
  const no: Answer = (_, response) => response.writeHead(403).end();
  await web(context, { [url]: download(unauthorized), [storage]: no, [own]: no });
  await assert.rejects(
    askSource(url, access({ civitaiToken: key })),
    /is refused by delivery\.r2\.cloudflarestorage\.com, where it leads to \(403\)/,
  );
  await assert.rejects(askSource(own, access()), /is refused \(403\)\. strata has tokens for/);
});

test("a page is no file on any host, and the message says what to write", async (context) => {
  const pages = {
    "https://huggingface.co/o/n/blob/main/a.safetensors": /gives a page, not a file\. Write \/resolve\//,
    "https://civitai.com/models/1": /is a page of CivitAI, not a file\. .*\/api\/download\/models\//,
    "https://files.example.org/a": /gives a page, not a file\. Give the address of the file itself/,
  };
  await web(context, Object.fromEntries(Object.keys(pages).map((each) => [each, page])));
  for (const [each, problem] of Object.entries(pages))
    await assert.rejects(askSource(each, access()), problem);
});

test("npm run lock takes the key from CIVITAI_TOKEN", async (context) => {
  const root = temporaryFolder(context);
  mkdirSync(join(root, "locks"));
  const model = { name: "a.safetensors", folder: "models/loras", licence: null, source: "a list", url };
  const incomplete = [{ ...model, size: null, sha256: "a".repeat(64), gated: null }];
  writeFileSync(join(root, modelLockPath), JSON.stringify({ models: [], incomplete }));
  await web(context, { [url]: download(unauthorized), [storage]: signed });
  process.env.CIVITAI_TOKEN = key;
  context.after(() => delete process.env.CIVITAI_TOKEN);
  const [file] = await refresh(["models"], { root, recipes: [], mirrors: {} }, () => {});
  assert.equal(parseModelLock(file?.text ?? "").models[0]?.size, 6_938_040_682);
  assert.ok(!file?.text.includes(key) && !file?.text.includes("Amz"));
});

test("a server without ranges says its size all the same", async (context) => {
  const own = "https://files.example.org/a";
  await web(context, {
    [own]: (_, response) => response.writeHead(200, { "content-length": "7" }).end("1234567"),
  });
  assert.equal((await askSource(own, access())).size, 7);
});

test("a store says when it got a file, where it says so", async (context) => {
  const give =
    (headers: Record<string, string>): Answer =>
    (_, response) =>
      response.writeHead(200, { "content-length": "5", ...headers }).end("model");
  await web(context, {
    "https://files.example.com/dated": give({ "last-modified": "Mon, 02 Nov 2026 08:00:00 GMT" }),
    "https://files.example.com/odd": give({ "last-modified": "some time ago" }),
    "https://files.example.com/silent": give({}),
  });
  const changed = async (name: string) =>
    (await askSource(`https://files.example.com/${name}`, access())).changed;
  assert.equal((await changed("dated"))?.toISOString(), "2026-11-02T08:00:00.000Z");
  assert.equal(await changed("odd"), null);
  assert.equal(await changed("silent"), null);
});
