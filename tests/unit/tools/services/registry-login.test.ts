import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { compare } from "bcryptjs";
import { homeAt } from "../../../../home.ts";
import { keepLogin, keptLogin } from "../../../../oci/access/logins.ts";
import { ensureRegistryLogin, usersFile } from "../../../../tools/services/registry-login.ts";
import { temporaryFolder } from "../../support/folder.ts";

const address = "127.0.0.1:5000";

test("the local registry's login is made once, for this user alone; the registry knows its hash", async (t) => {
  const home = homeAt(temporaryFolder(t));
  const password = await ensureRegistryLogin(home, address);
  assert.match(password, /^[0-9a-f]{64}$/);
  const login = { kind: "password", username: "strata", password };
  assert.deepEqual(await keptLogin(home.logins, address), login);
  const users = readFileSync(usersFile(home), "utf8");
  for (const file of [usersFile(home), join(home.logins, address, "config.json")])
    assert.equal(statSync(file).mode & 0o777, 0o600, file);
  const [name, hash = ""] = users.trim().split(":");
  assert.equal(name, "strata");
  assert.match(hash, /^\$2b\$04\$/);
  assert.ok((await compare(password, hash)) && !(await compare(`${password.slice(0, -1)}g`, hash)));

  assert.equal(await ensureRegistryLogin(home, address), password);
  assert.equal(
    readFileSync(usersFile(home), "utf8"),
    users,
    "a new hash for each run would restart nothing, but why",
  );
  assert.notEqual(await ensureRegistryLogin(homeAt(temporaryFolder(t)), address), password);
});

test("what was lost or is somebody else's is made anew, and both sides fit again", async (t) => {
  const home = homeAt(temporaryFolder(t));
  const password = await ensureRegistryLogin(home, address);
  const fits = async () => {
    const login = await keptLogin(home.logins, address);
    const hash = readFileSync(usersFile(home), "utf8").trim().split(":")[1] ?? "";
    return login?.kind === "password" && (await compare(login.password, hash));
  };
  for (const text of ["", "strata:\n", "other:$2b$04$x\n", "nonsense"]) {
    writeFileSync(usersFile(home), text);
    assert.equal(await ensureRegistryLogin(home, address), password);
    assert.ok(await fits(), text);
  }
  rmSync(home.logins, { recursive: true });
  assert.notEqual(await ensureRegistryLogin(home, address), password);
  assert.ok(await fits());
  await keepLogin(home.logins, address, { address, username: "ada", password: "x" });
  await ensureRegistryLogin(home, address);
  assert.ok(await fits());
});
