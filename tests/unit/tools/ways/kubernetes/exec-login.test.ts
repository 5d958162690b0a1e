/** Logins by a kubeconfig's program, with programs that are shell scripts; and kubeconfigs as kubectl reads several of them. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as library from "@kubernetes/client-node";
import { execSetting } from "../../../../../lib/builders/kubernetes/exec-credential.ts";
import { openCluster } from "../../../../../tools/ways/kubernetes/cluster.ts";
import { ExecLogin } from "../../../../../tools/ways/kubernetes/exec-login.ts";
import { readKubeconfigs, usualKubeconfigs } from "../../../../../tools/ways/kubernetes/kubeconfig.ts";
import { until } from "../../../../support/running.ts";
import { script, temporaryFolder } from "../../../support/folder.ts";

const BETA = "client.authentication.k8s.io/v1beta1";
const answer = (status: object) => JSON.stringify({ kind: "ExecCredential", apiVersion: BETA, status });
const cluster = { server: "https://k:6443" };

/** A login by a script, which counts how often it runs. */
function login(t: TestContext, body: string, more: object = {}) {
  const folder = temporaryFolder(t);
  const command = script(join(folder, "log-in"), `echo >> ${folder}/runs\n${body}`);
  const setting = execSetting.parse({ apiVersion: BETA, command, interactiveMode: "Never", ...more });
  const count = () =>
    existsSync(join(folder, "runs")) ? readFileSync(join(folder, "runs"), "utf8").length : 0;
  return { folder, count, login: new ExecLogin("strata:builder", "eks", setting, cluster) };
}

const after = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

test("it runs once for all who ask at a time, and again when it is over or was refused", async (t) => {
  const { login: eks, count } = login(t, `sleep 0.2; echo '${answer({ token: "t" })}'`);
  const options = { headers: { Accept: "x" } };
  await Promise.all([eks.applyAuthentication({ name: "eks" }, options), eks.credential(), eks.credential()]);
  assert.deepEqual(options, { headers: { Accept: "x", Authorization: "Bearer t" } });
  await eks.credential();
  assert.equal(count(), 1);
  eks.forget();
  await eks.credential();
  assert.equal(count(), 2);
  const past = login(t, `echo '${answer({ token: "t", expirationTimestamp: after(-1) })}'`);
  await past.login.credential();
  await past.login.credential();
  assert.equal(past.count(), 2);
});

test("shortly before its end it is made anew beside the work", async (t) => {
  const { login: eks, count, folder } = login(t, `cat $(dirname $0)/answer`);
  writeFileSync(join(folder, "answer"), answer({ token: "old", expirationTimestamp: after(2) }));
  assert.equal((await eks.credential()).token, "old");
  assert.equal((await eks.credential()).token, "old");
  assert.equal(count(), 1, "it is good for long");
  await sleep(1_600);
  writeFileSync(join(folder, "answer"), answer({ token: "new", expirationTimestamp: after(900) }));
  assert.equal((await eks.credential()).token, "old", "nobody waits for it");
  await until(() => count() === 2, 10);
  while ((await eks.credential()).token === "old") await sleep(10);
  assert.equal(count(), 2);
});

test("a certificate goes into the connection; arguments and variables are the kubeconfig's", async (t) => {
  const status = answer({ clientCertificateData: "C", clientKeyData: "K" });
  const body = `[ "$1 $REGION" = "get-token eu" ] && [ -n "$PATH" ] && [ -n "$KUBERNETES_EXEC_INFO" ] && echo '${status}'`;
  const more = { args: ["get-token"], env: [{ name: "REGION", value: "eu" }] };
  const options = {};
  await login(t, body, more).login.applyAuthentication({ name: "eks" }, options);
  assert.deepEqual(options, { cert: "C", key: "K" });
});

test("what went wrong is the program's own last word, or what there is to install", async (t) => {
  const silenced = t.mock.method(process.stderr, "write", () => true);
  const { login: bad } = login(t, "echo 'The SSO session has expired.' >&2; exit 255");
  await assert.rejects(
    bad.credential(),
    /strata:builder: \S+log-in, by which the kubeconfig's user eks logs in, ended with status 255: The SSO session has expired\. See whether kubectl works/,
  );
  assert.ok(silenced.mock.calls.length > 0, "it is shown as it comes");
  const setting = execSetting.parse({
    apiVersion: BETA,
    command: "no-such-login",
    installHint: "Get it at x.\n",
  });
  await assert.rejects(
    new ExecLogin("p", "u", setting, cluster).credential(),
    /no-such-login.* is not there\. Get it at x\./,
  );
  await assert.rejects(login(t, "echo '{}'").login.credential(), /answers with no ExecCredential/);
  const always = login(t, "true", { interactiveMode: "Always" });
  if (!process.stdin.isTTY)
    await assert.rejects(always.login.credential(), /asks at a terminal, and there is none/);
});

/** Writes a kubeconfig. */
function kubeconfig(folder: string, name: string, text: object | string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, typeof text === "string" ? text : JSON.stringify(text));
  return file;
}

const entry = (name: string, server: string, user: object = { token: name }) => ({
  "current-context": name,
  clusters: [{ name: "same", cluster: { server } }],
  contexts: [{ name, context: { cluster: "same", user: name } }],
  users: [{ name, user }],
});

test("several kubeconfigs: the first of a name counts, as does the first current context; some are not there", (t) => {
  const folder = temporaryFolder(t);
  const a = kubeconfig(folder, "a", entry("a", "https://a"));
  const b = kubeconfig(folder, "b", entry("b", "https://b"));
  const files = usualKubeconfigs({ KUBECONFIG: `${folder}/none:${a}::${b}:${a}` });
  assert.deepEqual(files, [a, b]);
  const found = readKubeconfigs(library, [kubeconfig(folder, "empty", ""), ...files]);
  assert.equal(found.currentContext, "a");
  assert.deepEqual(
    found.clusters.map(({ server }) => server),
    ["https://a"],
  );
  assert.deepEqual(
    found.users.map(({ name, token }) => [name, token]),
    [
      ["a", "a"],
      ["b", "b"],
    ],
  );
  assert.throws(() => readKubeconfigs(library, [kubeconfig(folder, "bad", "a: [")]), /bad: /);
  const own = kubeconfig(join(folder, ".kube"), "config", "");
  assert.deepEqual([usualKubeconfigs({ HOME: folder }), usualKubeconfigs({ HOME: a })], [[own], []]);
});

test("a token's file and a program by a path lie beside the kubeconfig; a token goes before a program", (t) => {
  const folder = temporaryFolder(t);
  const exec = { apiVersion: BETA, command: "bin/log-in" };
  const users = (user: object) =>
    readKubeconfigs(library, [kubeconfig(folder, "c", entry("u", "https://u", user))]).users;
  const [byFile] = users({ tokenFile: "token", token: "old" });
  assert.equal(byFile?.token, undefined);
  assert.deepEqual(byFile?.authProvider, { name: "tokenFile", config: { tokenFile: join(folder, "token") } });
  assert.deepEqual(users({ exec })[0]?.login, { ...exec, command: join(folder, "bin/log-in") });
  assert.deepEqual(users({ exec: { ...exec, command: "aws" } })[0]?.login, { ...exec, command: "aws" });
  assert.equal(users({ exec, token: "t" })[0]?.login, undefined);
});

test("programs are told the cluster's authority and what its kubeconfig has for them", (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "ca.pem"), "PEM");
  const base = entry("u", "https://u/");
  const more = {
    server: "https://u/",
    "certificate-authority": "ca.pem",
    "tls-server-name": "k",
    extensions: [{ name: "client.authentication.k8s.io/exec", extension: { audience: "x" } }],
  };
  const file = kubeconfig(folder, "c", { ...base, clusters: [{ name: "same", cluster: more }] });
  assert.deepEqual(readKubeconfigs(library, [file]).clusters[0]?.told, {
    server: "https://u",
    "tls-server-name": "k",
    "certificate-authority-data": Buffer.from("PEM").toString("base64"),
    config: { audience: "x" },
  });
});

test("a cluster is opened by a context that is there, and by a login that can be", async (t) => {
  const folder = temporaryFolder(t);
  const open = (text: object, more: object = {}) =>
    openCluster("strata:builder", { kubeconfig: kubeconfig(folder, "c", text), namespace: "n", ...more });
  assert.equal((await open(entry("u", "https://u"))).server, "https://u");
  await assert.rejects(open(entry("u", "https://u"), { context: "x" }), /no context x\. It has u\./);
  await assert.rejects(open({ ...entry("u", "https://u"), "current-context": "" }), /has no current context/);
  await assert.rejects(
    open({ ...entry("u", "https://u"), "current-context": "y" }),
    /context y is not there/,
  );
  await assert.rejects(
    open({ ...entry("u", "https://u"), clusters: [] }),
    /context u names no cluster that is there/,
  );
  const exec = { apiVersion: "client.authentication.k8s.io/v1alpha1", command: "aws" };
  await assert.rejects(
    open(entry("u", "https://u", { exec })),
    /user u cannot log in by its exec: apiVersion is .*v1alpha1, and has to be .* aws eks update-kubeconfig/,
  );
  const command = script(join(folder, "log-in"), `echo '${answer({ token: "t" })}'`);
  const cluster = await open(entry("u", "https://u", { exec: { apiVersion: BETA, command } }));
  assert.ok(cluster.loginAgain());
  assert.ok(!(await open(entry("u", "https://u"))).loginAgain(), "nothing else comes of a token");
});
