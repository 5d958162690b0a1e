import assert from "node:assert/strict";
import { test } from "node:test";
import { encryptedSettings, readSettings } from "../../../../lib/plan/stack-file.ts";

test("a stack's settings are its own, else what the project declares, as Pulumi stores them", () => {
  const { raw, secret } = readSettings(
    'config:\n  strata:generation: ada\n  strata:llama:\n    vmm: false\n  strata:python: "3.11"\n  aws:region: eu-central-1\n',
    "name: strata\nconfig:\n  strata:base:\n    type: string\n    default: debian-bookworm\n  strata:generation:\n    default: cpu\n  strata:none:\n    type: string\n",
    "Pulumi.ada.yaml",
  );
  assert.deepEqual(raw, {
    "strata:base": "debian-bookworm",
    "strata:generation": "ada",
    "strata:llama": '{"vmm":false}',
    "strata:python": "3.11",
    "aws:region": "eu-central-1",
  });
  assert.deepEqual(secret, []);
});

test("what is encrypted stays encrypted, at any depth, and is known to be", () => {
  const { raw, secret } = readSettings(
    "config:\n  strata:registry:\n    kind: local\n    logins:\n      - password:\n          secure: v1:abc:def\n  strata:tags:\n    secure: v1:ghi:jkl\n",
    "name: strata\n",
    "Pulumi.x.yaml",
  );
  assert.deepEqual(secret, ["strata:registry.logins.0.password", "strata:tags"]);
  assert.equal(raw["strata:tags"], "[secret]");
  assert.ok(!JSON.stringify(raw).includes("v1:"));
});

test("an empty file is a stack with nothing but defaults; a broken one says where", () => {
  assert.deepEqual(readSettings("", "name: strata\n", "Pulumi.dev.yaml").raw, {});
  assert.throws(
    () => readSettings("config: [\n", "name: strata\n", "Pulumi.dev.yaml"),
    /^UserError: Pulumi\.dev\.yaml: cannot be read: /,
  );
});

test("each stack has its own settings, and what the project declares now, however often that is read", () => {
  const project = (base: string) => `name: strata\nconfig:\n  strata:base:\n    default: ${base}\n`;
  const of = (stack: string, base: string) => readSettings(stack, project(base), "Pulumi.x.yaml").raw;
  const own = "config:\n  strata:generation: ada\n";
  assert.deepEqual(of(own, "one"), { "strata:base": "one", "strata:generation": "ada" });
  assert.deepEqual(of("", "one"), { "strata:base": "one" });
  assert.deepEqual(of("", "two"), { "strata:base": "two" });
  assert.throws(() => readSettings("", "config: [\n", "Pulumi.x.yaml"), /Pulumi\.yaml: cannot be read/);
  assert.deepEqual(of("", "two"), { "strata:base": "two" });
});

test("what Pulumi tells by its key is told by its place where the stack's file has it", () => {
  const file =
    "config:\n  strata:copies:\n    - password:\n        secure: v1:a:b\n    - password: hunter22\n";
  const keys = ["strata:copies", "strata:registry", "aws:token"];
  assert.deepEqual(encryptedSettings(keys, file, "Pulumi.x.yaml"), [
    "strata:copies.0.password",
    "strata:registry",
    "aws:token",
  ]);
  assert.deepEqual(encryptedSettings(["strata:config:copies"], file, "Pulumi.x.yaml"), [
    "strata:copies.0.password",
  ]);
  assert.deepEqual(encryptedSettings([], file, "Pulumi.x.yaml"), [], "another file was given to Pulumi");
  assert.deepEqual(encryptedSettings(keys, "", "Pulumi.x.yaml"), keys);
});
