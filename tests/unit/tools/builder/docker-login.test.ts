import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { findCredentials } from "../../../../oci/access/credentials.ts";
import { keepLogin } from "../../../../oci/access/logins.ts";
import { ownDockerConfig, refreshDockerConfig, withLogin } from "../../../../tools/builder/docker-login.ts";
import { temporaryFolder } from "../../support/folder.ts";

const host = "reg.example:5443";
const auth = (text: string) => Buffer.from(text).toString("base64");

async function setting(t: TestContext, config: object) {
  const home = homeAt(temporaryFolder(t));
  const user = temporaryFolder(t);
  writeFileSync(join(user, "config.json"), JSON.stringify(config));
  mkdirSync(join(user, "cli-plugins"));
  writeFileSync(join(user, "cli-plugins", "docker-buildx"), "plugin");
  const before = process.env.DOCKER_CONFIG;
  process.env.DOCKER_CONFIG = user;
  t.after(() => {
    if (before === undefined) delete process.env.DOCKER_CONFIG;
    else process.env.DOCKER_CONFIG = before;
  });
  return { home, user };
}

test("Docker's programs find the login of this registry, and everything that was the user's", async (t) => {
  const config = {
    auths: { "other.example": { auth: auth("me:mine") }, [host]: { auth: auth("old:old") } },
    credHelpers: { [host]: "forgetful", "third.example": "third" },
    currentContext: "mine",
  };
  const { home, user } = await setting(t, config);
  await keepLogin(home.logins, host, { address: host, username: "ada", password: "x" });
  let folder = "";
  await withLogin(home, host, async ({ DOCKER_CONFIG = "" }) => {
    folder = DOCKER_CONFIG;
    const found = (registry: string) => findCredentials(registry, folder);
    assert.deepEqual(await found(host), { kind: "password", username: "ada", password: "x" });
    assert.deepEqual(await found("other.example"), { kind: "password", username: "me", password: "mine" });
    assert.equal(readFileSync(join(folder, "cli-plugins", "docker-buildx"), "utf8"), "plugin");
    const { currentContext, credHelpers } = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    assert.equal(currentContext, "mine");
    assert.deepEqual(credHelpers, { "third.example": "third" });
    assert.equal(statSync(join(folder, "config.json")).mode & 0o077, 0);
  });
  assert.ok(!existsSync(folder), "the folder with the login stayed");
  assert.deepEqual(JSON.parse(readFileSync(join(user, "config.json"), "utf8")), config);
  assert.ok(existsSync(join(user, "cli-plugins", "docker-buildx")));
});

test("a general store goes on to serve the registries that it knows, and not this one", async (t) => {
  const { home } = await setting(t, { auths: { "other.example": {} }, credsStore: "desktop" });
  await keepLogin(home.logins, host, { address: host, username: "ada", password: "x" });
  await withLogin(home, host, async ({ DOCKER_CONFIG = "" }) => {
    const { credsStore, credHelpers } = JSON.parse(readFileSync(join(DOCKER_CONFIG, "config.json"), "utf8"));
    assert.equal(credsStore, undefined);
    assert.deepEqual(credHelpers, { "other.example": "desktop" });
  });
});

test("a login for Docker Hub goes where Docker's programs look for it", async (t) => {
  const { home } = await setting(t, { credHelpers: { "https://index.docker.io/v1/": "desktop" } });
  await keepLogin(home.logins, "docker.io", { address: "docker.io", username: "ada", password: "x" });
  await withLogin(home, "docker.io", async ({ DOCKER_CONFIG = "" }) => {
    const { auths, credHelpers } = JSON.parse(readFileSync(join(DOCKER_CONFIG, "config.json"), "utf8"));
    assert.deepEqual(auths, { "https://index.docker.io/v1/": { auth: auth("ada:x") } });
    assert.deepEqual(credHelpers, {});
  });
});

test("without a login of ours nothing is changed, and the folder goes away after a failure too", async (t) => {
  const { home } = await setting(t, {});
  await withLogin(home, host, async (environment) => assert.deepEqual(environment, {}));
  await keepLogin(home.logins, host, { address: host, username: "ada", password: "x" });
  let folder = "";
  const failing = withLogin(home, host, async ({ DOCKER_CONFIG = "" }) => {
    folder = DOCKER_CONFIG;
    throw new Error("no luck");
  });
  await assert.rejects(failing, /no luck/);
  assert.ok(!existsSync(folder));
});

test("an update's folder has the user's logins of today and that of the local registry", async (t) => {
  const { home, user } = await setting(t, { auths: { "other.example": { auth: auth("me:mine") } } });
  const local = "127.0.0.1:5000";
  await keepLogin(home.logins, local, { address: local, username: "strata", password: "x" });
  const folder = await refreshDockerConfig(home, local);
  assert.equal(folder, ownDockerConfig(home));
  const found = async (registry: string) => {
    const credentials = await findCredentials(registry, folder);
    return credentials?.kind === "password" ? credentials.password : undefined;
  };
  assert.deepEqual([await found(local), await found("other.example")], ["x", "mine"]);
  assert.equal(statSync(folder).mode & 0o077, 0);
  assert.equal(statSync(join(folder, "config.json")).mode & 0o077, 0);

  writeFileSync(
    join(user, "config.json"),
    JSON.stringify({ auths: { "new.example": { auth: auth("a:b") } } }),
  );
  mkdirSync(join(user, "contexts"));
  await refreshDockerConfig(home, local);
  assert.deepEqual(
    [await found(local), await found("other.example"), await found("new.example")],
    ["x", undefined, "b"],
  );
  assert.ok(existsSync(join(folder, "contexts")));
  assert.equal(readFileSync(join(folder, "cli-plugins", "docker-buildx"), "utf8"), "plugin");

  // Exported for `pulumi up` by hand: then it is what `docker login` writes to.
  process.env.DOCKER_CONFIG = folder;
  await keepLogin(home.logins, local, { address: local, username: "strata", password: "y" });
  await refreshDockerConfig(home, local);
  assert.deepEqual([await found(local), await found("new.example")], ["y", "b"]);
  assert.equal(readFileSync(join(folder, "cli-plugins", "docker-buildx"), "utf8"), "plugin");
});
