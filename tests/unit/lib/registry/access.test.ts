import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { registryAccess, registryAddress } from "../../../../lib/registry/access.ts";
import type { RegistrySetting } from "../../../../lib/registry/registry-setting.ts";
import { temporaryFolder } from "../../support/folder.ts";

const ghcr = { kind: "ghcr", owner: "acme", repository: "strata" };
const oci = { kind: "oci", address: "reg.example:5443", repository: "team/strata" };
const ecr = { kind: "ecr", account: "123456789012", region: "eu-central-1", repository: "team/strata" };

test("the registry's address is the one that `make up` wrote down, else the default", (t) => {
  const file = join(temporaryFolder(t), "services.json");
  assert.equal(registryAddress(file), "127.0.0.1:5000");
  writeFileSync(
    file,
    JSON.stringify({ builder: {}, registry: { kind: "process", address: "127.0.0.1:41000" } }),
  );
  assert.equal(registryAddress(file), "127.0.0.1:41000");
});

test("the password: the stack's own, else for GHCR and Docker Hub the token of the environment", () => {
  const access = (setting: object, environment: NodeJS.ProcessEnv) =>
    registryAccess(setting as RegistrySetting, environment).password;
  const environment = { GITHUB_TOKEN: "of-the-job" };
  assert.equal(access({ ...ghcr, password: "own" }, environment), "own");
  assert.equal(access(ghcr, environment), "of-the-job");
  assert.equal(access(ghcr, { GITHUB_TOKEN: "" }), undefined);
  const hub = { kind: "docker-hub", namespace: "acme", repository: "strata" };
  assert.equal(access(hub, { ...environment, DOCKERHUB_TOKEN: "dckr_pat" }), "dckr_pat");
  assert.equal(access(hub, environment), undefined);
  assert.equal(access(oci, environment), undefined);
  assert.equal(access(ecr, environment), undefined);
});

test("authorities that are not there are told of", () => {
  assert.throws(
    () => registryAccess({ ...oci, ca: "nowhere.pem" } as RegistrySetting, {}),
    /registry reg\.example:5443: there is no file nowhere\.pem\. Set ca to a PEM file/,
  );
});
