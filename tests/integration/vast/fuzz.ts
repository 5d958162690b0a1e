/** A fuzz of the door: whatever is sent, a service behind it that writes down what reaches it stays alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { doors, type Instance } from "../support/vast/container.ts";
import { type Proof, recorded, recorderOf } from "../support/vast/proof.ts";
import { type Door, say, statuses } from "../support/vast/raw.ts";

/** What the recorder answers: seen here, a request went through. */
const REACHED = "RECORDED";
const RUNS = Number(process.env.STRATA_FUZZ_RUNS ?? 400);

const part = fc.oneof(
  fc.constantFrom(
    ...[
      "/",
      "//",
      "/./",
      "/../",
      "/..;/",
      "/%2e%2e/",
      "/%2f",
      "/%5c",
      "\\",
      "/.",
      "%00",
      "%0d%0a",
      "?",
      "#",
      ";",
      "*",
    ],
    ...[
      "/.well-known/acme-challenge/x",
      "/.well-known/security.txt",
      "/manifest.json",
      "/portal-resolver",
      "/login",
    ],
    ...[
      "/_door/login",
      "/healthz",
      "/static/a.css",
      "token=",
      "token=x",
      "next=/",
      "&",
      "=",
      "//evil.example/",
      "/a@b",
    ],
  ),
  fc.string({ minLength: 1, maxLength: 6 }),
);
const path = fc.oneof(
  fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join("")}`),
  fc.constantFrom(
    "*",
    "http://127.0.0.1:17777/",
    "https://localhost/",
    "127.0.0.1:17777",
    "",
    "//127.0.0.1:17777/",
  ),
);
const method = fc.oneof(
  fc.constantFrom(
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PATCH",
    "get",
    "PRI",
    "X-Y",
  ),
  fc.string({ minLength: 1, maxLength: 8 }),
);

/** Headers that some proxies and services believe, and values that are nearly what opens the door. */
function headers(secrets: readonly string[]): fc.Arbitrary<readonly [string, string]> {
  const near = fc
    .constantFrom(...secrets)
    .chain((secret) =>
      fc.constantFrom(
        secret.slice(0, -1),
        secret.slice(1),
        secret.toUpperCase(),
        `${secret}${secret}`,
        `x${secret}`,
        `%${secret}`,
        "*",
        "",
        "null",
        "true",
      ),
    );
  const cookie = fc
    .tuple(
      fc.constantFrom(
        "C.4711_auth_token",
        "C.4711_auth_toke",
        "auth_token",
        "strata_auth_token",
        "xC.4711_auth_token",
      ),
      near,
      fc.constantFrom("; ", ";", ",", " ", "\t"),
    )
    .map(([name, value, between]) => ["Cookie", `a=b${between}${name}=${value}`] as const);
  const authorization = fc
    .tuple(fc.constantFrom("Bearer", "bearer", "Basic", "Token", "Digest", "", "Bearer Bearer"), near)
    .map(([scheme, value]) => ["Authorization", `${scheme} ${value}`] as const);
  const basic = fc
    .tuple(fc.constantFrom("vastai", "", "root", "\0"), near)
    .map(
      ([user, value]) =>
        ["Authorization", `Basic ${Buffer.from(`${user}:${value}`).toString("base64")}`] as const,
    );
  const believed = fc.tuple(
    fc.constantFrom(
      ...[
        "X-Forwarded-For",
        "X-Real-IP",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Uri",
        "X-Forwarded-Method",
      ],
      ...[
        "X-Original-URL",
        "X-Rewrite-URL",
        "Forwarded",
        "Cf-Visitor",
        "Cf-Connecting-Ip",
        "Remote-User",
        "X-Auth-Request-User",
      ],
      ...[
        "Host",
        "Origin",
        "Referer",
        "Connection",
        "Upgrade",
        "Te",
        "Expect",
        "Content-Length",
        "X-HTTP-Method-Override",
      ],
    ),
    fc.oneof(
      fc.constantFrom(
        ...[
          "127.0.0.1",
          "localhost",
          "::1",
          "localhost:17777",
          "127.0.0.1:17777",
          "unix",
          "https",
          "GET",
          "websocket",
        ],
        ...[
          "/manifest.json",
          "/.well-known/acme-challenge/x",
          "close, Cookie, Authorization",
          "Upgrade",
          "0",
          "100-continue",
        ],
        ...["https://127.0.0.1:7777", "null", '{"scheme":"https"}', "trailers"],
      ),
      fc.string({ maxLength: 10 }),
    ),
  );
  return fc.oneof(cookie, authorization, basic, believed);
}

/** A whole request as text, well-formed or nearly. */
function request(secrets: readonly string[], port: number): fc.Arbitrary<string> {
  const version = fc.constantFrom("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "");
  const end = fc.constantFrom("\r\n", "\r\n", "\r\n", "\n", "\r\n ");
  const fields = fc.array(headers(secrets), { maxLength: 5 });
  const body = fc.constantFrom("", "", "0\r\n\r\n", `0\r\n\r\n${smuggled(port)}`, smuggled(port));
  const framing = fc.constantFrom(
    ...["", "", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n"],
    ...[
      "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 5\r\nContent-Length: 0\r\n",
      "Transfer-Encoding : chunked\r\n",
    ],
  );
  return fc
    .tuple(method, path, version, end, fields, framing, body)
    .map(
      ([verb, target, words, eol, list, frame, rest]) =>
        `${verb} ${target} ${words}${eol}Host: localhost:${port}\r\n${list.map(([name, value]) => `${name}: ${value}${eol}`).join("")}${frame}\r\n${rest}`,
    );
}

const smuggled = (port: number) => `GET /smuggled HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;

export function fuzzTests(proof: () => Proof, skip: string | false): void {
  test("the recorder sees who has the login, and it is open where the user wants that", {
    skip,
  }, async () => {
    const { instance } = await proof().shared();
    const { guarded, open } = doorsOf(instance);
    assert.deepEqual(statuses(await say(guarded, get(guarded, ""))), [401]);
    assert.deepEqual(await recordings(instance, recorded.guarded), []);
    assert.match(await say(guarded, get(guarded, `Authorization: Bearer ${proof().token}\r\n`)), /RECORDED/);
    const [seen = "", ...others] = await recordings(instance, recorded.guarded);
    assert.match(seen, /^GET \/probe HTTP\/1\.1\r\n/);
    assert.deepEqual(others, []);
    // What opens the door is the door's alone.
    assert.ok(!seen.includes(proof().token), seen);
    assert.match(await say(open, get(open, "")), /RECORDED/);
  });

  for (const tls of [true, false]) {
    test(`no request gets past the login, ${tls ? "under TLS" : "in clear"}`, { skip }, async () => {
      const { instance } = await proof().shared();
      const door = { ...doorsOf(instance).guarded, tls };
      const before = await recordings(instance, recorded.guarded);
      const { token, password } = proof();
      const told: number[] = [];
      await fc.assert(
        fc.asyncProperty(request([token, password], door.port), async (text) => {
          const answer = await say(door, text, 60, 2);
          assert.ok(!answer.includes(REACHED), JSON.stringify(text));
          told.push(...statuses(answer).slice(0, 1));
        }),
        { numRuns: tls ? RUNS : RUNS / 4 },
      );
      // Many were whole requests that the login itself has judged, or that were led to HTTPS.
      const judged = told.filter((status) => (tls ? [401, 403, 429] : [301, 302, 307, 308]).includes(status));
      assert.ok(judged.length > told.length / 10, JSON.stringify(told));
      // One that was answered with something else, or came in with another, is there as well.
      assert.deepEqual(await recordings(instance, recorded.guarded), before);
    });
  }

  test("no bytes get past the login, and the door stays", { skip }, async () => {
    const { instance } = await proof().shared();
    const { guarded } = doorsOf(instance);
    const before = await recordings(instance, recorded.guarded);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, tls) => {
        assert.ok(!(await say({ ...guarded, tls }, Buffer.from(bytes), 60, 0.3)).includes(REACHED));
      }),
      { numRuns: RUNS / 4 },
    );
    assert.deepEqual(await recordings(instance, recorded.guarded), before);
    const caddy = (await instance.services()).caddy;
    assert.equal(caddy?.state, "RUNNING");
    for (const port of Object.values(doors)) {
      const door = { ...guarded, port };
      assert.match(await say(door, get(door, "")), /^HTTP\/1\.1 (401|429)/, String(port));
    }
  });
}

function doorsOf({ address }: Instance): Record<"guarded" | "open", Door> {
  return {
    guarded: { address, port: recorded.guarded, tls: true },
    open: { address, port: recorded.public, tls: true },
  };
}

const get = ({ port }: Door, more: string) =>
  `GET /probe HTTP/1.1\r\nHost: localhost:${port}\r\n${more}Connection: close\r\n\r\n`;

async function recordings(instance: Instance, port: number): Promise<string[]> {
  const text = await instance.run("cat", recorderOf(port).file);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
