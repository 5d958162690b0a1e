/** What programs that log in are told, and what they answer: the protocol of client.authentication.k8s.io, by client-go's rules. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ExecSetting,
  execInfo,
  execSetting,
  isInteractive,
  readExecCredential,
} from "../../../../../lib/builders/kubernetes/exec-credential.ts";

const V1 = "client.authentication.k8s.io/v1";
const BETA = "client.authentication.k8s.io/v1beta1";
const setting = (more: object = {}): ExecSetting =>
  execSetting.parse({ apiVersion: BETA, command: "aws", ...more });

test("what a kubeconfig says of a program: null is nothing, v1 names its mode, older versions are refused", () => {
  const problems = (more: object) =>
    execSetting
      .safeParse({ apiVersion: BETA, command: "aws", ...more })
      .error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`);
  // As `aws eks update-kubeconfig` and `gcloud container clusters get-credentials` write them.
  assert.equal(problems({ env: null, args: ["eks", "get-token"], provideClusterInfo: false }), undefined);
  assert.equal(
    problems({ interactiveMode: "IfAvailable", installHint: "x", provideClusterInfo: true }),
    undefined,
  );
  assert.equal(problems({ apiVersion: V1, interactiveMode: "Never" }), undefined);
  assert.deepEqual(problems({ apiVersion: V1 }), [`interactiveMode is missing, which ${V1} wants`]);
  const alpha = "client.authentication.k8s.io/v1alpha1";
  assert.deepEqual(problems({ apiVersion: alpha }), [
    `apiVersion is ${alpha}, and has to be ${V1} or ${BETA}`,
  ]);
  assert.deepEqual(problems({ apiVersion: undefined, command: undefined }), [
    "apiVersion is missing",
    "command is missing",
  ]);
});

test("a terminal is for who may have it", () => {
  const mode = (interactiveMode: string | undefined, terminal: boolean) =>
    isInteractive(setting({ interactiveMode }), terminal);
  assert.deepEqual([mode("Never", true), mode("Never", false)], [false, false]);
  assert.deepEqual([mode("IfAvailable", true), mode("IfAvailable", false)], [true, false]);
  assert.deepEqual([mode(undefined, true), mode("", false)], [true, false], "v1beta1 means IfAvailable");
  assert.deepEqual([mode("Always", true), mode("Always", false)], [true, undefined]);
});

test("KUBERNETES_EXEC_INFO has the cluster where the kubeconfig wants that", () => {
  const cluster = { server: "https://k:6443", "certificate-authority-data": "Q0E=" };
  assert.deepEqual(JSON.parse(execInfo(setting(), cluster, false)), {
    kind: "ExecCredential",
    apiVersion: BETA,
    spec: { interactive: false },
  });
  const told = execInfo(
    setting({ apiVersion: V1, interactiveMode: "Always", provideClusterInfo: true }),
    cluster,
    true,
  );
  assert.deepEqual(JSON.parse(told), {
    kind: "ExecCredential",
    apiVersion: V1,
    spec: { cluster, interactive: true },
  });
});

test("a token, a pair, or both, and until when", () => {
  const read = (status: object) =>
    readExecCredential(
      setting(),
      JSON.stringify({ kind: "ExecCredential", apiVersion: BETA, spec: {}, status }),
    );
  // As `aws eks get-token` has it.
  assert.deepEqual(read({ expirationTimestamp: "2026-11-30T10:14:00Z", token: "k8s-aws-v1.x" }), {
    token: "k8s-aws-v1.x",
    expires: Date.UTC(2026, 10, 30, 10, 14),
  });
  assert.deepEqual(read({ token: "t", expirationTimestamp: "2026-11-30T12:14:00+02:00" }), {
    token: "t",
    expires: Date.UTC(2026, 10, 30, 10, 14),
  });
  assert.deepEqual(read({ token: "t", expirationTimestamp: null }), { token: "t" });
  assert.deepEqual(read({ clientCertificateData: "C", clientKeyData: "K" }), { cert: "C", key: "K" });
});

test("what will not do is said", () => {
  const read = (answer: object | string) =>
    readExecCredential(setting(), typeof answer === "string" ? answer : JSON.stringify(answer));
  const of = (status?: object, apiVersion = BETA) => read({ kind: "ExecCredential", apiVersion, status });
  assert.equal(read(" \n"), "says nothing");
  assert.equal(read("Error: log in"), "does not answer in JSON");
  assert.match(
    String(read({ kind: "Status", apiVersion: "v1" })),
    /^answers with no ExecCredential \(kind: /,
  );
  assert.match(String(of({ token: "t", expirationTimestamp: "soon" })), /\(status\.expirationTimestamp: /);
  assert.equal(of({ token: "t" }, V1), `answers in ${V1}, and was asked for ${BETA}`);
  assert.equal(of(), "answers without a status");
  assert.equal(of({}), "gives neither a token nor a certificate");
  assert.equal(of({ token: "" }), "gives neither a token nor a certificate");
  assert.equal(of({ token: "t", clientKeyData: "K" }), "gives only one of certificate and key");
});
