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
  return (registry: string) => findCredentials(registry, folder);
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
