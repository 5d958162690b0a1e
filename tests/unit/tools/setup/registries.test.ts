import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import type { RegistrySetting } from "../../../../lib/registry/registry-setting.ts";
import { keptAuthorities, keptLogin } from "../../../../oci/access/logins.ts";
import { prepareRegistries } from "../../../../tools/setup/registries.ts";
import { temporaryFolder } from "../../support/folder.ts";

const ghcr: RegistrySetting = { kind: "ghcr", owner: "acme", repository: "strata" };
const oci: RegistrySetting = { kind: "oci", address: "reg.example:5443", repository: "team/strata" };

/** Where strata would write, with this token in the environment. */
function prepared(t: TestContext, token: string) {
  const former = process.env.GITHUB_TOKEN;
  process.env.GITHUB_TOKEN = token;
  t.after(() => {
    if (former === undefined) delete process.env.GITHUB_TOKEN;
    else process.env.GITHUB_TOKEN = former;
  });
  return homeAt(temporaryFolder(t));
}

test("the token of the environment is kept for GHCR, under the owner's name, and for no other registry", async (t) => {
  const home = prepared(t, "of-the-job");
  const login = { username: "ada", password: "hunter22" };
  const repositories = await prepareRegistries(home, { registry: ghcr, copies: [{ ...oci, ...login }] });
  assert.deepEqual(repositories, ["ghcr.io/acme/strata", "reg.example:5443/team/strata"]);
  const kept = await keptLogin(home.logins, "ghcr.io");
  assert.deepEqual(kept, { kind: "password", username: "acme", password: "of-the-job" });
  // What is encrypted in the stack was kept by its last update, or is not there.
  assert.equal(await keptLogin(home.logins, "reg.example:5443"), undefined);
});

test("a password of the stack counts before the environment's, and is not written again", async (t) => {
  const home = prepared(t, "of-the-job");
  await prepareRegistries(home, { registry: { ...ghcr, password: "encrypted" }, copies: [] });
  assert.equal(await keptLogin(home.logins, "ghcr.io"), undefined);
});

test("a registry's authorities are kept, and go when the stack names none any more", async (t) => {
  const home = prepared(t, "");
  const ca = join(home.root, "ca.pem");
  writeFileSync(ca, "PEM");
  await prepareRegistries(home, { registry: { ...oci, ca }, copies: [] });
  assert.deepEqual(await keptAuthorities(home.logins), [{ registry: "reg.example:5443", pem: "PEM" }]);
  await prepareRegistries(home, { registry: oci, copies: [] });
  assert.deepEqual(await keptAuthorities(home.logins), []);
});
