import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { UserError } from "../../../errors.ts";
import {
  formatReference,
  isLoopback,
  parseReference,
  type Reference,
  toReference,
} from "../../../oci/references.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const SHA512 = `sha512:${"0123456789abcdef".repeat(8)}`;

describe("parseReference", () => {
  const cases: [string, Reference][] = [
    ["debian", { registry: "docker.io", repository: "library/debian", tag: "latest" }],
    ["docker.io/debian:12", { registry: "docker.io", repository: "library/debian", tag: "12" }],
    ["index.docker.io/a/b", { registry: "docker.io", repository: "a/b", tag: "latest" }],
    ["owner/name:v1", { registry: "docker.io", repository: "owner/name", tag: "v1" }],
    ["localhost/name", { registry: "localhost", repository: "name", tag: "latest" }],
    ["127.0.0.1:5000/a/b:t", { registry: "127.0.0.1:5000", repository: "a/b", tag: "t" }],
    ["[::1]:5000/a:t", { registry: "[::1]:5000", repository: "a", tag: "t" }],
    [`ghcr.io/a/b@${DIGEST}`, { registry: "ghcr.io", repository: "a/b", digest: DIGEST }],
    ["h:65535/a", { registry: "h:65535", repository: "a", tag: "latest" }],
    ["h-1.i/a--b/c__d", { registry: "h-1.i", repository: "a--b/c__d", tag: "latest" }],
    ["localhostx", { registry: "docker.io", repository: "library/localhostx", tag: "latest" }],
    ["a.b", { registry: "docker.io", repository: "library/a.b", tag: "latest" }],
    [`h.i/a:${"t".repeat(128)}`, { registry: "h.i", repository: "a", tag: "t".repeat(128) }],
    [`h.i/${"a".repeat(251)}`, { registry: "h.i", repository: "a".repeat(251), tag: "latest" }],
    [`h.i/a@${SHA512}`, { registry: "h.i", repository: "a", digest: SHA512 }],
    [`ghcr.io/a/b:t@${DIGEST}`, { registry: "ghcr.io", repository: "a/b", tag: "t", digest: DIGEST }],
  ];
  for (const [text, expected] of cases) {
    test(text, () => assert.deepEqual(parseReference(text), expected));
  }

  const wrong: [string, RegExp][] = [
    ["", /empty part/],
    ["https://ghcr.io/a/b", /scheme/],
    ["ghcr.io/Owner/name", /"Owner" in its path/],
    ["ghcr.io/a//b", /empty part/],
    ["ghcr.io/a:", /the tag ""/],
    ["ghcr.io/a:.dot", /the tag ".dot"/],
    ["ghcr.io/a@sha256:abc", /the digest "sha256:abc"/],
    [`a@${DIGEST}@${DIGEST}`, /more than one "@"/],
    ["-host.io/a", /the host "-host.io"/],
    ["host.io:99999/a", /the host "host.io:99999"/],
    ["0s3://a/b", /the host "0s3:"/],
    ["ghcr.io/a-", /"a-" in its path/],
    ["ghcr.io/a___b", /"a___b" in its path/],
    [`h.i/a:${"t".repeat(129)}`, /the tag "t+"/],
    [`a@x${DIGEST}`, /the digest "xsha256/],
    [`a@${DIGEST}0`, /the digest "sha256/],
    [`a@${SHA512}0`, /the digest "sha512/],
    [`a@${SHA512.slice(0, -1)}`, /the digest "sha512/],
    ["host.io:65536/a", /the host "host.io:65536"/],
    ["host..io/a", /the host "host..io"/],
    ["host.io:/a", /the host "host.io:"/],
    ["host.io-/a", /the host "host.io-"/],
    ["host-.io/a", /the host "host-.io"/],
    [`h.i/${"a".repeat(252)}`, /longer than 255/],
    [`host.io/${"a".repeat(256)}`, /longer than 255/],
  ];
  for (const [text, message] of wrong) {
    test(`refuses "${text.slice(0, 40)}"`, () => {
      assert.throws(
        () => parseReference(text),
        (error) => error instanceof UserError && message.test(error.problem) && error.remedy !== "",
      );
    });
  }
});

test("what is formatted parses to the same reference", () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4}){0,2}$/);
  const reference = fc
    .record({
      registry: fc.constantFrom(
        "docker.io",
        "ghcr.io",
        "localhost",
        "localhost:5000",
        "127.0.0.1:80",
        "[::1]:5000",
      ),
      path: fc.array(component, { minLength: 2, maxLength: 4 }),
      tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined }),
      digest: fc.option(fc.stringMatching(/^sha256:[a-f0-9]{64}$/), { nil: undefined }),
    })
    .filter(({ tag, digest }) => tag !== undefined || digest !== undefined)
    .map(({ registry, path, tag, digest }) => ({
      registry,
      repository: path.join("/"),
      ...(tag !== undefined && { tag }),
      ...(digest !== undefined && { digest }),
    }));
  fc.assert(
    fc.property(reference, (made) => assert.deepEqual(parseReference(formatReference(made)), made)),
    { numRuns: 500 },
  );
});

test("isLoopback knows this machine's names", () => {
  for (const host of [
    "localhost",
    "localhost:5000",
    "a.localhost",
    "127.0.0.1:80",
    "127.8.0.1",
    "127.255.249.199",
    "127.99.250.209",
    "[::1]:5000",
    "::1",
  ]) {
    assert.equal(isLoopback(host), true, host);
  }
  for (const host of [
    "ghcr.io",
    "127.example.com",
    "10.0.0.1:5000",
    "128.0.0.1",
    "8127.0.0.1",
    "127.0.0.1.example.com",
    "127.0.0.256",
    "127.0.0.290",
    "127.0.0.24x",
    "localhost.example.com",
    "[::2]",
  ]) {
    assert.equal(isLoopback(host), false, host);
  }
});

test("a reference may be a text still", () => {
  const reference = { registry: "h.i", repository: "a", tag: "t" };
  assert.deepEqual(toReference("h.i/a:t"), reference);
  assert.equal(toReference(reference), reference);
});
