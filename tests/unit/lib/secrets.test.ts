import assert from "node:assert/strict";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { secretsInConfigText, secretsInFile, secretsInText, soundsSecret } from "../../../lib/secrets.ts";

const letters = "aB3dE5fG7hI9jK1lM2nO4pQ6rS8tU0vW5xY7zA9bC1dE3fG5hI7jK9lM1nO3pQ5r";

test("files are secrets by their name and place, some only with a content", () => {
  const kinds = (path: string, content = "x") => secretsInFile(path, Buffer.from(content)).join();
  const cases: readonly (readonly [path: string, content: string, kind: string])[] = [
    ["id_rsa", "x", "SSH key file"],
    ["root/.ssh/id_ed25519", "x", "SSH key file"],
    ["root/.ssh/my_id_rsa", "x", ""],
    ["root/id_rsa.old", "x", ""],
    [".npmrc", "//h/:_authToken=a", "npm login"],
    [".npmrc", "_password = a", "npm login"],
    [".npmrc", "_auth=$TOKEN", ""],
    ["x.npmrc", "_auth=a", ""],
    ["root/.npmrc.bak", "_auth=a", ""],
    ["root/_netrc", "password  b", "netrc login"],
    ["root/.netrc", "mypassword b", ""],
    ["root/.netrc", "password", ""],
    ["root/a.netrc", "password b", ""],
    ["root/.netrc1", "password b", ""],
    ["root/.pypirc", "[pypi]\n  password = a", "PyPI login"],
    ["root/.pypirc", "password:a", "PyPI login"],
    ["root/.pypirc", "# password = a", ""],
    ["root/.pypirc", "password =", ""],
    ["root/a.pypirc", "password = a", ""],
    ["root/.pypirc1", "password = a", ""],
    ["root/.git-credentials", "x", "git login"],
    ["a.git-credentials", "x", ""],
    [".git-credentials1", "x", ""],
    ["root/.docker/config.json", '{"auth" : "b"}', "registry login"],
    ["root/.docker/config.json", '{"identitytoken":"b"}', "registry login"],
    ["root/.docker/config.json", '{"auth":""}', ""],
    ["a.docker/config.json", '{"auth":"b"}', ""],
    ["root/.docker/config.json5", '{"auth":"b"}', ""],
    ["root/.aws/credentials", "x", "AWS login"],
    ["a.aws/credentials", "x", ""],
    ["root/.aws/credentials2", "x", ""],
    [".kube/config", "x", "Kubernetes login"],
    ["a.kube/config", "x", ""],
    [".kube/config.d", "x", ""],
    [".huggingface/stored_tokens", "x", "Hugging Face login"],
    ["root/.cache/huggingface/token", "x", "Hugging Face login"],
    ["root/cache/huggingface/token", "x", ""],
    ["root/.cache/huggingface/tokens", "x", ""],
  ];
  for (const [path, content, kind] of cases) assert.equal(kinds(path, content), kind, `${path}: ${content}`);
  assert.deepEqual(
    secretsInFile("root/.ssh/id_rsa", undefined),
    ["SSH key file"],
    "one too large to be read",
  );
  assert.deepEqual(secretsInFile("root/.npmrc", undefined), []);
});

test("only text is searched: a program holds a zero soon", () => {
  const token = `glpat-${letters.slice(0, 20)}`;
  const file = (before: string) => secretsInFile("a", Buffer.from(`${before}${token}`));
  assert.deepEqual(file(""), ["GitLab token"]);
  assert.deepEqual(file("\0"), []);
  assert.deepEqual(file(`${"x".repeat(8191)}\0`), []);
  assert.deepEqual(file(`${"x".repeat(8191)} \0 `), ["GitLab token"]);
});

test("tokens stand alone, and are as long as they are given out", () => {
  const token = (beginning: string, length: number) => `${beginning}${letters.slice(0, length)}`;
  const cases: readonly (readonly [text: string, kind: string])[] = [
    [token("hf_", 34), "Hugging Face token"],
    [token("hf_", 33), ""],
    [`x${token("hf_", 34)}`, ""],
    [`${token("hf_", 34)}_x`, ""],
    [token("ghp_", 36), "GitHub token"],
    [token("ghs_", 35), ""],
    [`x${token("gho_", 36)}`, ""],
    [`${token("ghr_", 36)}_`, ""],
    [token("github_pat_", 60), "GitHub token"],
    [token("github_pat_", 59), ""],
    [token("npm_", 36), "npm token"],
    [token("npm_", 37), ""],
    [`_${token("npm_", 36)}`, ""],
    [token("glpat-", 20), "GitLab token"],
    [token("glpat-", 19), ""],
    [`-${token("glpat-", 20)}`, ""],
    ["AKIAQ7Z3M5N8P2R4S6T9", "AWS access key"],
    ["AKIAQ7Z3M5N8P2R4S6T", ""],
    ["AKIAQ7Z3M5N8P2R4S6T9X", ""],
    ["xAKIAQ7Z3M5N8P2R4S6T9", ""],
    ["AKIAQ7Z3M5N8PEXAMPLE", ""],
    [`npm_${"ab".repeat(18)}`, ""],
    [`hf_${"abcdefg".repeat(5)}`, ""],
  ];
  for (const [text, kind] of cases) assert.equal(secretsInText(`"${text}"`).join(), kind, text);
});

test("two tokens of one kind are one finding", () => {
  const both = `ghp_${letters.slice(0, 36)} github_pat_${letters.slice(0, 60)}`;
  assert.deepEqual(secretsInText(both), ["GitHub token"]);
});

test("a key is one with its first line, however new lines are written", () => {
  const body = letters.slice(0, 40);
  const key = (kind: string, between: string, content = body) =>
    secretsInText(`-----BEGIN ${kind}-----${between}${content}`).join();
  for (const kind of ["PRIVATE KEY", "RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK", "EC X2 PRIVATE KEY"])
    assert.equal(key(kind, "\n"), "private key", kind);
  assert.equal(key("PRIVATE KEY", "\\n\\n"), "private key");
  assert.equal(key("PRIVATE KEY", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n"), "private key");
  assert.equal(key("PUBLIC KEY", "\n"), "");
  assert.equal(key("PRIVATE KEY", ""), "");
  assert.equal(key("PRIVATE KEY", "\n", body.slice(1)), "");
});

test("an address with a password is a secret in a configuration alone", () => {
  for (const address of ["https://me:pw@h/", "postgres+x.1-a://u:p@h"]) {
    assert.deepEqual(secretsInConfigText(address), ["password in an address"]);
    assert.deepEqual(secretsInText(address), []);
  }
  for (const address of ["https://me@h/", "https://h:80/a@b", "https://$U:p@h", "https://u:$P@h", "//u:p@h"])
    assert.deepEqual(secretsInConfigText(address), [], address);
});

test("a variable's name says that its value is secret by its last words", () => {
  for (const name of ["TOKEN", "HF_TOKEN", "db_password", "APIKEY", "X_API_KEY", "ACCESSKEY", "PRIVATE_KEY"])
    assert.ok(soundsSecret(name), name);
  for (const name of ["TOKENIZERS", "TOKEN_URL", "MYTOKEN", "PASSWORDS", "KEY", "API__KEY", "CREDENTIAL"])
    assert.ok(!soundsSecret(name), name);
});

test("the head of a key that never ends is read once, not in every way to part it", () => {
  const text = `-----BEGIN PRIVATE KEY-----\n${"a: ".repeat(20_000)}`;
  const context = createContext({ secretsInText, text });
  assert.equal(runInContext("secretsInText(text).join()", context, { timeout: 20_000 }), "");
});
