import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { UserError } from "../../../errors.ts";
import { formatReference, isLoopback, parseReference, type Reference } from "../../../oci/references.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

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
    [`host.io/${"a".repeat(256)}`, /longer than 255/],
  ];
  for (const [text, message] of wrong) {
    test(`refuses "${text.slice(0, 40)}"`, () => {
      assert.throws(
        () => parseReference(text),
        (error) => error instanceof UserError && message.test(error.message),
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
    "localhost.example.com",
    "[::2]",
  ]) {
    assert.equal(isLoopback(host), false, host);
  }
});
