import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../../config.ts";
import { requireSecrets } from "../../../../lib/plan/secret-settings.ts";

const pem = "-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\n";
const remote = (address = "tcp://build.example.org:1234", key = "key.pem") => ({
  kind: "remote",
  address,
  tls: { ca: "ca.pem", cert: "cert.pem", key },
});
const oci = (address: string) => ({ kind: "oci", address, repository: "strata" });
const parse = (settings: Readonly<Record<string, unknown>>) =>
  parseConfig(
    Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [
        `strata:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
  );

test("a builder elsewhere does not reach the local registry", () => {
  assert.throws(
    () => parse({ builder: remote() }),
    /strata:registry: is the local one, .* and strata:builder is a builder elsewhere\. Set strata:registry to one that tcp:\/\/build\.example\.org:1234 reaches/,
  );
  assert.throws(
    () => parse({ builders: { heavy: remote() } }),
    /strata:registry: .* strata:builders\.heavy is a builder elsewhere/,
  );
  parse({ builder: remote(), registry: oci("reg.example.org") });
  parse({ builder: "mine" });
});

test("nor one on a loopback address, but from there", () => {
  assert.throws(
    () => parse({ builder: remote(), registry: oci("127.0.0.1:5000") }),
    /127\.0\.0\.1:5000 is on a loopback address, where strata:builder finds itself/,
  );
  parse({ builder: remote("tcp://127.0.0.1:1234"), registry: oci("127.0.0.1:5000") });
});

test("a builder is named once", () => {
  assert.throws(
    () => parse({ builder: "mine", builders: { default: "theirs" } }),
    /strata:builder: says where stages are built, and strata:builders\.default does too\./,
  );
  assert.throws(() => parse({ builder: "[secret]" }), /strata:builder: is encrypted as a whole\./);
});

test("a key in the stack's file is encrypted, a path is none", () => {
  const config = parse({
    builder: remote(undefined, pem),
    builders: { heavy: remote(undefined, pem) },
    registry: oci("reg.example.org"),
  });
  assert.throws(
    () => requireSecrets(config, ["strata:builder.tls.key"]),
    /^UserError: strata:builders\.heavy\.tls\.key: is not encrypted\./,
  );
  requireSecrets(config, ["strata:builder.tls.key", "strata:builders"]);
  requireSecrets(parse({ builder: remote(), registry: oci("reg.example.org") }), []);
});
