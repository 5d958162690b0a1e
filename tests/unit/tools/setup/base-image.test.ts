import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt, repository } from "../../../../home.ts";
import { lockTextHash } from "../../../../lib/locks/apt-lock.ts";
import { keepLogin } from "../../../../oci/access/logins.ts";
import { writeJson } from "../../../../tools/program/files.ts";
import type { Services } from "../../../../tools/services/record.ts";
import { ensureBaseImage } from "../../../../tools/setup/base-image.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** A home whose local registry wants its login, and what was made there for a base. */
async function madeBefore(t: TestContext, login = "strata:kept") {
  const registry = await startFakeRegistry({ access: { login: "strata:kept", kind: "basic" } });
  t.after(() => registry[Symbol.asyncDispose]());
  const { digest } = registry.image("base", []);
  const home = homeAt(join(temporaryFolder(t), "home"));
  const [username = "", password = ""] = login.split(":");
  await keepLogin(home.logins, registry.host, { address: registry.host, username, password });
  const reference = `${registry.host}/${REPOSITORY}@${digest}`;
  await writeJson(home.images, { "debian-bookworm": reference });
  const committed = readFileSync(join(repository, "locks", "apt", "debian-bookworm.txt"), "utf8");
  await writeJson(home.packages, { "debian-bookworm": { committed: lockTextHash(committed) } });
  const services = { registry: { kind: "process", address: registry.host } } as Services;
  return { home, services, reference };
}

test("a base that was made here stays in use while the local registry has it, asked with the login that is kept", async (t) => {
  const { home, services, reference } = await madeBefore(t);
  assert.deepEqual(await ensureBaseImage(home, services, "debian-bookworm"), { reference, local: true });
});

test("a registry that does not let us in has not lost the base: nothing else is made in its place", async (t) => {
  const { home, services } = await madeBefore(t, "strata:wrong");
  await assert.rejects(ensureBaseImage(home, services, "debian-bookworm"), / 401 |refuses|login/);
});
