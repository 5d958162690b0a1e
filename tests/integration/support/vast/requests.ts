/** Requests that somebody without the login may think of. */
import fc from "fast-check";

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

/**
 * A whole request as text. Most are well-formed but for one part, as a proxy judges what it cannot read by itself; some are odd in
 * all of them.
 *
 * @param secrets what opens the door; no request has one of them whole
 */
export function request(secrets: readonly string[], port: number): fc.Arbitrary<string> {
  const oddVersion = fc.constantFrom("HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "");
  const oddEnd = fc.constantFrom("\n", "\r\n ");
  const fields = fc.array(headers(secrets), { minLength: 1, maxLength: 5 });
  const body = fc.constantFrom("", "0\r\n\r\n", `0\r\n\r\n${smuggled(port)}`, smuggled(port));
  const framing = fc.constantFrom(
    ...["", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n"],
    ...[
      "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 5\r\nContent-Length: 0\r\n",
      "Transfer-Encoding : chunked\r\n",
    ],
  );
  const odd = { method, path, version: oddVersion, end: oddEnd, fields, framing, body };
  const plain = {
    method: "GET",
    path: "/",
    version: "HTTP/1.1",
    end: "\r\n",
    fields: [],
    framing: "",
    body: "",
  };
  const parts = Object.keys(odd) as (keyof typeof odd)[];
  const made = (isOdd: (part: keyof typeof odd) => boolean): fc.Arbitrary<Parts> =>
    fc.record({
      method: isOdd("method") ? odd.method : fc.constant(plain.method),
      path: isOdd("path") ? odd.path : fc.constant(plain.path),
      version: isOdd("version") ? odd.version : fc.constant(plain.version),
      end: isOdd("end") ? odd.end : fc.constant(plain.end),
      fields: isOdd("fields")
        ? odd.fields
        : fc.constant<readonly (readonly [string, string])[]>(plain.fields),
      framing: isOdd("framing") ? odd.framing : fc.constant(plain.framing),
      body: isOdd("body") ? odd.body : fc.constant(plain.body),
    });
  return fc
    .oneof(
      { weight: 3, arbitrary: fc.constantFrom(...parts).chain((part) => made((each) => each === part)) },
      { weight: 2, arbitrary: made((part) => part === "path" || part === "fields") },
      { weight: 2, arbitrary: made(() => true) },
    )
    .map(
      (each) =>
        `${each.method} ${each.path} ${each.version}${each.end}Host: localhost:${port}\r\n${each.fields.map(([name, value]) => `${name}: ${value}${each.end}`).join("")}${each.framing}\r\n${each.body}`,
    );
}

interface Parts {
  readonly method: string;
  readonly path: string;
  readonly version: string;
  readonly end: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly framing: string;
  readonly body: string;
}

const smuggled = (port: number) => `GET /smuggled HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;
