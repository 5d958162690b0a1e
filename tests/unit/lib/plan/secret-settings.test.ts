import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../../config.ts";
import { UserErrors } from "../../../../errors.ts";
import { refuseClear, refuseSecrets, requireSecrets } from "../../../../lib/plan/secret-settings.ts";

const ghcr = { kind: "ghcr", owner: "acme", repository: "strata" };
const oci = { kind: "oci", address: "reg.example:5443", repository: "team/strata" };
const ecr = { kind: "ecr", account: "123456789012", region: "eu-central-1", repository: "team/strata" };
const ssh = {
  kind: "ssh",
  address: "gpu.example.org",
  hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0lHs4ZBFv8y0dKJ9yy3pNmDmCkN5R2RzQ3mR6fA8ay",
};

/** A stack with these settings. */
const parse = (settings: Readonly<Record<string, object>>) =>
  parseConfig(
    Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [`strata:${key}`, JSON.stringify(value)]),
    ),
  );

test("what becomes part of an image cannot be a secret; a registry's password can", () => {
  assert.throws(
    () => refuseSecrets(["strata:mirrors", "strata:tags", "aws:region"]),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.deepEqual(
        error.errors.map(({ path }) => path),
        ["strata:mirrors", "strata:tags"],
      );
      return true;
    },
  );
  refuseSecrets(["strata:registry", "aws:region"]);
});

test("a password in clear is refused, wherever it stands, and is not repeated", () => {
  const login = { username: "ada", password: "hunter22" };
  const config = parse({ registry: { ...oci, ...login }, copies: [ecr, { ...ghcr, ...login }] });
  assert.throws(
    () => refuseClear(config, []),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.deepEqual(
        error.errors.map(({ path }) => path),
        ["strata:registry.password", "strata:copies.1.password"],
      );
      assert.match(error.message, /--secret --path 'strata:copies\[1\]\.password'/);
      assert.ok(!error.message.includes("hunter22"));
      return true;
    },
  );
  assert.throws(() => refuseClear(config, ["strata:copies"]), /strata:registry\.password/);
  refuseClear(config, ["strata:registry", "strata:config:copies"]);
  refuseClear(parse({ registry: oci }), []);
});

test("one password that is encrypted says nothing about another of the same setting", () => {
  const login = { username: "ada", password: "hunter22" };
  const config = parse({
    registry: oci,
    copies: [
      { ...oci, ...login, repository: "a/b" },
      { ...ghcr, ...login },
    ],
  });
  assert.throws(
    () => refuseClear(config, ["strata:copies.0.password"]),
    /strata:copies\.1\.password: is readable/,
  );
  refuseClear(config, ["strata:copies.0.password", "strata:config:copies.1.password"]);
  refuseClear(config, ["strata:copies.0", "strata:copies.1"]);
  assert.throws(
    () => refuseClear(config, ["strata:copies.0.username", "strata:copies.1"]),
    /copies\.0\.password/,
  );
});

test("one private key that is encrypted says nothing about another host's", () => {
  const login = { ...ssh, privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----" };
  const config = parse({ host: [login, ssh, { ...login, address: "other.example.org" }] });
  assert.throws(
    () => requireSecrets(config, ["strata:host.0.privateKey"]),
    /strata:host\.2\.privateKey: is not encrypted.*--path 'strata:host\[2\]\.privateKey'/,
  );
  requireSecrets(config, ["strata:host.0.privateKey", "strata:host.2.privateKey"]);
  requireSecrets(parse({ host: [login] }), ["strata:host.0.privateKey"]);
  requireSecrets(parse({ host: login }), ["strata:host.privateKey"]);
  assert.throws(() => requireSecrets(parse({ host: login }), ["strata:host.hostKey"]), /host\.privateKey/);
});

test("a private key has to be encrypted in the stack's file", () => {
  const config = parse({ host: { ...ssh, privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----" } });
  requireSecrets(config, ["strata:host"]);
  requireSecrets(parse({ host: ssh }), []);
  assert.throws(
    () => requireSecrets(config, ["strata:registry"]),
    /strata:host\.privateKey: is not encrypted/,
  );
});
