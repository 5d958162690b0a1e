import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { dockerConfigFolder, findCredentials } from "../../../../oci/access/credentials.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

const encoded = (login: string) => Buffer.from(login).toString("base64");
const login = (username: string, password = "p") => ({ kind: "password", username, password });

/** Sets a variable of the environment for one test. */
function setVariable(t: TestContext, name: string, value: string | undefined): void {
  const before = process.env[name];
  const set = (to: string | undefined) => {
    if (to === undefined) delete process.env[name];
    else process.env[name] = to;
  };
  set(value);
  t.after(() => set(before));
}

/** Looks for logins in this configuration, with these helpers on PATH. */
function setting(t: TestContext, config: object | string, helpers: Record<string, string> = {}) {
  const folder = temporaryFolder(t);
  for (const [name, body] of Object.entries(helpers)) script(join(folder, `docker-credential-${name}`), body);
  setVariable(t, "PATH", `${folder}${delimiter}${process.env.PATH}`);
  writeFileSync(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
  return (registry: string, repository?: string) => findCredentials(registry, folder, repository);
}

test("Docker's folder is where it says, else in the user's home", (t) => {
  setVariable(t, "DOCKER_CONFIG", "/elsewhere");
  assert.equal(dockerConfigFolder(), "/elsewhere");
  for (const nothing of ["", undefined]) {
    setVariable(t, "DOCKER_CONFIG", nothing);
    assert.equal(dockerConfigFolder(), join(homedir(), ".docker"));
  }
});

test("a helper is asked with get; the one for this registry first, and then the file", async (t) => {
  const answer = (user: string) => `test "$1" = get && echo '{"Username":"${user}","Secret":"p"}'`;
  const find = setting(
    t,
    {
      credHelpers: { "own.invalid": "own", "unknown.invalid": "empty" },
      credsStore: "general",
      auths: { "unknown.invalid": { auth: encoded("file:p") } },
    },
    { own: answer("own"), general: answer("general"), empty: "echo credentials not found >&2; exit 1" },
  );
  assert.deepEqual(await find("own.invalid"), login("own"));
  assert.deepEqual(await find("other.invalid"), login("general"));
  assert.deepEqual(await find("unknown.invalid"), login("file"));
});

test("why a helper failed is what it says as an error, else what it says, else how it ended", async (t) => {
  const of = (body: string) => setting(t, { credsStore: "x" }, { x: body })("r.invalid");
  const problem = (why: RegExp) => ({ path: "docker-credential-x", problem: why });
  await assert.rejects(of("echo out; echo err >&2; exit 1"), problem(/^failed for r\.invalid: err\.$/));
  await assert.rejects(of("echo out; exit 1"), problem(/^failed for r\.invalid: out\.$/));
  await assert.rejects(of("exit 3"), problem(/^failed for r\.invalid: .*exit code 3/));
  await assert.rejects(of("echo '{}'; exit 0"), problem(/^gave an answer for r\.invalid/));
});

test("keys in the file are hosts, or addresses as old versions wrote them; a user may have no name", async (t) => {
  const find = setting(t, {
    auths: {
      "http://plain.invalid/v2/": { auth: encoded("plain:p") },
      "https://safe.invalid": { auth: encoded("safe:p") },
      "nobody.invalid:5000": { auth: encoded(":p") },
      "bare.invalid": {},
    },
  });
  assert.deepEqual(await find("plain.invalid"), login("plain"));
  assert.deepEqual(await find("safe.invalid"), login("safe"));
  assert.deepEqual(await find("nobody.invalid:5000"), login(""));
  assert.equal(await find("nobody.invalid"), undefined);
  assert.equal(await find("bare.invalid"), undefined);
  assert.equal(await setting(t, {})("r.invalid"), undefined);
});

test("what is wrong with a configuration is told, each in its own way", async (t) => {
  await assert.rejects(setting(t, "{")("r.invalid"), /not a Docker configuration: it is not JSON/);
  await assert.rejects(setting(t, { auths: { r: 1 } })("r.invalid"), /configuration: .*auths/s);
  await assert.rejects(setting(t, { credsStore: 1 })("r.invalid"), /configuration: .*credsStore/s);
  await assert.rejects(setting(t, { credHelpers: { r: 1 } })("r.invalid"), /configuration: .*credHelpers/s);
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "config.json"));
  await assert.rejects(findCredentials("r.invalid", folder), /cannot be read \(EISDIR/);
});

test("username and password count as auth does: other programs write them, and Docker reads them", async (t) => {
  const find = setting(t, {
    auths: {
      "two.invalid": { username: "ada", password: "s:ecret" },
      "both.invalid": { auth: encoded("auth:p"), username: "other", password: "q" },
      "half.invalid": { username: "ada" },
      "empty.invalid": { auth: "", username: "ada", password: "p" },
    },
  });
  assert.deepEqual(await find("two.invalid"), login("ada", "s:ecret"));
  assert.deepEqual(await find("both.invalid"), login("auth"));
  assert.equal(await find("half.invalid"), undefined);
  assert.deepEqual(await find("empty.invalid"), login("ada"));
});

test("an entry for a part of a registry is for that part alone, the longest first, as podman reads them", async (t) => {
  const find = setting(
    t,
    {
      credHelpers: { "own.invalid": "own" },
      credsStore: "general",
      auths: {
        "quay.invalid/acme/strata": { auth: encoded("strata:p") },
        "quay.invalid/acme": { auth: encoded("acme:p") },
        "quay.invalid/empty": {},
        "quay.invalid": { auth: encoded("host:p") },
        "other.invalid/somebody": { auth: encoded("somebody:p") },
        "own.invalid/acme": { auth: encoded("path:p") },
        "docker.io/acme": { auth: encoded("hub:p") },
      },
    },
    {
      own: `echo '{"Username":"own","Secret":"p"}'`,
      general: "echo credentials not found; exit 1",
    },
  );
  for (const [registry, repository, user] of [
    ["quay.invalid", "acme/strata", "strata"],
    ["quay.invalid", "acme/strata/copy", "strata"],
    ["quay.invalid", "acme/other", "acme"],
    ["quay.invalid", "acmes/strata", "host"],
    ["quay.invalid", "empty/x", "host"],
    ["quay.invalid", undefined, "host"],
    ["other.invalid", "somebody/x", "somebody"],
    ["other.invalid", "else/x", undefined],
    ["own.invalid", "acme/x", "own"],
    ["docker.io", "acme/x", "hub"],
    ["docker.io", "library/x", undefined],
  ] as const)
    assert.deepEqual(await find(registry, repository), user && login(user), `${registry}/${repository}`);
});

test("a part of a registry goes before the general store, which is asked for everything else", async (t) => {
  const find = setting(
    t,
    { credsStore: "general", auths: { "r.invalid/acme": { auth: encoded("acme:p") } } },
    { general: `echo '{"Username":"general","Secret":"p"}'` },
  );
  assert.deepEqual(await find("r.invalid", "acme/x"), login("acme"));
  assert.deepEqual(await find("r.invalid", "other/x"), login("general"));
});

test("Docker Hub goes by each of its names", async (t) => {
  for (const name of [
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "https://index.docker.io/v1/",
    "index.docker.io/v1/",
  ])
    assert.deepEqual(
      await setting(t, { auths: { [name]: { auth: encoded("hub:p") } } })("docker.io"),
      login("hub"),
      name,
    );
  const hub = { "https://index.docker.io/v1/": { auth: encoded("hub:p") } };
  assert.deepEqual(await setting(t, { auths: hub })("registry-1.docker.io"), login("hub"));
  const both = {
    "index.docker.io": { auth: encoded("old:p") },
    "https://index.docker.io/v1/": { auth: encoded("hub:p") },
  };
  assert.deepEqual(await setting(t, { auths: both })("docker.io"), login("hub"));
  assert.equal(
    await setting(t, { auths: { "evil-docker.io": { auth: encoded("x:p") } } })("docker.io"),
    undefined,
  );
  const podman = setting(
    t,
    { credHelpers: { "docker.io": "hub" } },
    { hub: `read key; echo "{\\"Username\\":\\"$key\\",\\"Secret\\":\\"p\\"}"` },
  );
  assert.deepEqual(await podman("docker.io"), login("docker.io"));
});

test("a helper that is not installed is named with the file and the key that ask for it", async (t) => {
  const said = (config: object) =>
    setting(
      t,
      config,
    )("r.invalid").then(
      () => "nothing",
      (error: Error & { path: string }) =>
        `${error.path.split("/").at(-1)}: ${error.message.split(": ").slice(1).join(": ")}`,
    );
  assert.match(
    await said({ credHelpers: { "r.invalid": "nowhere" } }),
    /^config\.json: credHelpers\["r\.invalid"\] names the helper docker-credential-nowhere for r\.invalid, and there is no such program on PATH/,
  );
  assert.match(
    await said({ credsStore: "nowhere" }),
    /^config\.json: credsStore names the helper docker-credential-nowhere/,
  );
});
