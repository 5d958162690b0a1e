import assert from "node:assert/strict";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { UserError } from "../../../../errors.ts";
import { findCredentials } from "../../../../oci/access/credentials.ts";
import {
  keepAuthority,
  keepLogin,
  keptAuthorities,
  keptLogin,
  loginFolder,
} from "../../../../oci/access/logins.ts";
import { Transport } from "../../../../oci/access/transport.ts";
import { readImage } from "../../../../oci/read/image.ts";
import { selfSigned } from "../../../support/certificate.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";

const login = { address: "reg.example:5443", username: "ada", password: "love:lace" };
const logins = (t: TestContext) => join(temporaryFolder(t), "logins");

test("what is kept is found, by us and by whoever reads Docker's configuration", async (t) => {
  const folder = logins(t);
  await keepLogin(folder, login.address, login);
  const expected = { kind: "password", username: "ada", password: "love:lace" };
  assert.deepEqual(await keptLogin(folder, login.address), expected);
  const docker = loginFolder(folder, login.address);
  assert.deepEqual(await findCredentials(login.address, docker), expected);
  assert.equal(await keptLogin(folder, "other.example"), undefined);
});

test("it is for this user alone, and no half of it is ever there", async (t) => {
  const folder = logins(t);
  await keepLogin(folder, login.address, login);
  await keepAuthority(folder, login.address, "PEM");
  const own = loginFolder(folder, login.address);
  assert.deepEqual(readdirSync(own).sort(), ["ca.pem", "config.json"]);
  assert.equal(statSync(folder).mode & 0o077, 0);
  for (const file of readdirSync(own)) assert.equal(statSync(join(own, file)).mode & 0o077, 0, file);
});

test("what has not changed is not written again, and nothing is there to forget at first", async (t) => {
  const folder = logins(t);
  await keepLogin(folder, login.address, undefined);
  const file = join(loginFolder(folder, login.address), "config.json");
  const keep = async (password: string) => {
    await keepLogin(folder, login.address, { ...login, password });
    return statSync(file).ino;
  };
  const first = await keep("one");
  assert.equal(await keep("one"), first);
  assert.notEqual(await keep("two"), first);
});

test("what is kept under another name, or is no login, is none; a user may have no name", async (t) => {
  const folder = logins(t);
  await keepLogin(folder, login.address, { ...login, address: "other.example" });
  assert.equal(await keptLogin(folder, login.address), undefined);
  await keepLogin(folder, login.address, { ...login, username: "" });
  assert.deepEqual(await keptLogin(folder, login.address), {
    kind: "password",
    username: "",
    password: "love:lace",
  });
  const auths = { [login.address]: { auth: "bm9jb2xvbg==" } };
  writeFileSync(join(loginFolder(folder, login.address), "config.json"), JSON.stringify({ auths }));
  assert.equal(await keptLogin(folder, login.address), undefined);
});

test("a login is forgotten when the stack has none any more, and authorities are a matter of their own", async (t) => {
  const folder = logins(t);
  await keepLogin(folder, login.address, login);
  await keepAuthority(folder, login.address, "PEM");
  await keepLogin(folder, login.address, undefined);
  assert.equal(await keptLogin(folder, login.address), undefined);
  assert.deepEqual(await keptAuthorities(folder), [{ registry: login.address, pem: "PEM" }]);
  await keepAuthority(folder, login.address, undefined);
  assert.deepEqual(await keptAuthorities(folder), []);
  assert.deepEqual(await keptAuthorities(join(folder, "absent")), []);
});

test("a token that has run out, or is about to, is no login", async (t) => {
  const folder = logins(t);
  const until = async (ms: number) => {
    const expires = new Date(Date.now() + ms).toISOString();
    await keepLogin(folder, login.address, { ...login, expires });
    return (await keptLogin(folder, login.address)) !== undefined;
  };
  assert.equal(await until(3_600_000), true);
  assert.equal(await until(30_000), false);
  assert.equal(await until(-1), false);
});

/** Lets in who says `ada:x` or `docker:y`. */
async function guarded(t: TestContext) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  registry.image("one", []);
  const seen: string[] = [];
  registry.intercept = (request, response) => {
    const [, value = ""] = (request.headers.authorization ?? "").split(" ");
    const user = Buffer.from(value, "base64").toString();
    seen.push(user);
    if (user === "ada:x" || user === "docker:y") return false;
    response.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
    return true;
  };
  const docker = temporaryFolder(t);
  const auth = Buffer.from("docker:y").toString("base64");
  writeFileSync(join(docker, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const folder = logins(t);
  const read = () =>
    readImage(
      `${registry.host}/${REPOSITORY}:one`,
      new Transport({ dockerConfig: docker, logins: folder, attempts: 1 }),
    );
  return { registry, folder, read, seen };
}

test("the stack's own login comes before Docker's; one that has run out does not", async (t) => {
  const { registry, folder, read, seen } = await guarded(t);
  const own = { address: registry.host, username: "ada", password: "x" };
  await keepLogin(folder, registry.host, own);
  await read();
  assert.deepEqual([...new Set(seen)], ["", "ada:x"]);
  seen.length = 0;
  await keepLogin(folder, registry.host, { ...own, expires: "2020-01-01T00:00:00Z" });
  await read();
  assert.deepEqual([...new Set(seen)], ["", "docker:y"]);
});

test("a wrong password is told, and is not in the message", async (t) => {
  const { registry, folder, read } = await guarded(t);
  await keepLogin(folder, registry.host, { address: registry.host, username: "ada", password: "wrong-one" });
  await assert.rejects(read(), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /answered 401 for the manifest.*docker login/s);
    assert.ok(!error.message.includes("wrong-one"));
    return true;
  });
});

test("a registry on loopback speaks HTTPS when it has authorities, and these alone are trusted", async (t) => {
  const [certificate, other] = [await selfSigned(), await selfSigned()];
  const server = createServer(certificate, (_, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = logins(t);
  const transport = () => new Transport({ dockerConfig: folder, logins: folder, attempts: 1 });
  const ask = () => readImage(`${host}/${REPOSITORY}:one`, transport());
  await keepAuthority(folder, host, other.cert);
  await assert.rejects(ask(), /does not answer \((DEPTH_ZERO_)?SELF_SIGNED/);
  await keepAuthority(folder, host, certificate.cert);
  await assert.rejects(ask(), /answered 404 for the manifest/);
});
