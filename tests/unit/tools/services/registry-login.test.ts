import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { compare } from "bcryptjs";
import { homeAt } from "../../../../home.ts";
import { keptLogin } from "../../../../oci/access/logins.ts";
import { makeRegistryLogin, usersFile } from "../../../../tools/services/registry-login.ts";
import { temporaryFolder } from "../../support/folder.ts";

const address = "127.0.0.1:5000";

test("the local registry's login is this user's alone, the registry knows its hash, and each start has another one", async (t) => {
  const home = homeAt(temporaryFolder(t));
  const made = async () => {
    await makeRegistryLogin(home, address);
    const login = await keptLogin(home.logins, address);
    assert.ok(login?.kind === "password" && login.username === "strata");
    assert.match(login.password, /^[0-9a-f]{64}$/);
    const [name, hash = ""] = readFileSync(usersFile(home), "utf8").trim().split(":");
    assert.equal(name, "strata");
    assert.match(hash, /^\$2b\$04\$/);
    assert.ok(await compare(login.password, hash));
    return { password: login.password, hash };
  };
  const first = await made();
  for (const file of [usersFile(home), join(home.logins, address, "config.json")])
    assert.equal(statSync(file).mode & 0o777, 0o600, file);
  const second = await made();
  assert.notEqual(second.password, first.password);
  assert.ok(!(await compare(first.password, second.hash)));
});
