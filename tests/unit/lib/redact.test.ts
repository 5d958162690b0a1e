import assert from "node:assert/strict";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { REDACTED, redact, redactAll, secretValues } from "../../../lib/redact.ts";

const letters = "aB3dE5fG7hI9jK1lM2nO4pQ6rS8tU0vW5xY7";

test("what looks like a secret is taken out, and what stands around it stays", () => {
  const cases: Readonly<Record<string, string>> = {
    [`token ghp_${letters} used`]: `token ${REDACTED} used`,
    [`github_pat_${letters}`]: REDACTED,
    [`ghs_${letters.slice(0, 12)}`]: REDACTED,
    [`hf_${letters}`]: REDACTED,
    [`npm_${letters}`]: REDACTED,
    [`glpat-${letters}`]: REDACTED,
    AKIAQ7Z3M5N8P2R4S6T9: REDACTED,
    "https://user:hunter22@host/x": `https://${REDACTED}@host/x`,
    "https://oauth2-token@host/x": `https://${REDACTED}@host/x`,
    "https://host/x?access_token=abc&y=1": `https://host/x?access_token=${REDACTED}&y=1`,
    "https://host/x?X-Amz-Signature=0f9a&y=1": `https://host/x?X-Amz-Signature=${REDACTED}&y=1`,
    "Authorization: Bearer abc.def": `Authorization: ${REDACTED}`,
    '"authorization":"token abc"': `"authorization":"${REDACTED}"`,
    "HF_TOKEN=abc next": `HF_TOKEN=${REDACTED} next`,
    'password: "hunter22"': `password: "${REDACTED}"`,
    "secure: v1:AbCdEfGhIjKl:MnOpQrStUv+/=": `secure: ${REDACTED}`,
    [`-----BEGIN PRIVATE KEY-----\n${letters}\n-----END PRIVATE KEY-----\nnext`]: `${REDACTED}\nnext`,
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(redact(text), expected);
});

test("words that only resemble secrets stay", () => {
  for (const text of [
    "package hf-transfer: 0.1.8 → 0.1.9",
    "hf_transfer==0.1.9",
    "npm_config_registry_mirror",
    "package tokenizers: 0.20 → 0.21",
    "package safetensors is new",
    "ssh://git@github.com/o/n",
    "https://github.com/o/n?ref=main",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "f14ba1cfa0a4c9486f4646916c017807f38ec4d6",
    "docker-image://127.0.0.1:5000/strata@sha256:abc",
    "argument KERNELS: triton → triton sageattention",
    "sk-learn-contrib-package-of-words",
  ]) {
    assert.equal(redact(text), text);
  }
});

test("known values are taken out in every spelling; short ones are ordinary words", () => {
  const known = ['pass "word"/1', "short"];
  const [secret = ""] = known;
  for (const spelling of [
    secret,
    JSON.stringify(secret),
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64"),
  ]) {
    const text = redact(`before ${spelling} after`, known);
    assert.ok(text.includes(REDACTED) && !text.includes("word"), text);
  }
  assert.equal(redact("a short word", known), "a short word");
});

test("of a known value that holds another nothing stays", () => {
  for (const known of [
    ["abcdef", "abcdefghij"],
    ["abcdefghij", "abcdef"],
  ]) {
    assert.equal(redact("before abcdefghij after", known), `before ${REDACTED} after`);
  }
});

test("everything inside a value is looked at, names of fields too", () => {
  const token = `ghp_${letters}`;
  assert.deepEqual(redactAll({ a: [token, 1, null, true], [token]: { b: token } }), {
    a: [REDACTED, 1, null, true],
    [REDACTED]: { b: REDACTED },
  });
});

test("an environment's secrets are those whose names say so", () => {
  assert.deepEqual(
    secretValues({
      GITHUB_TOKEN: "a",
      AWS_SECRET_ACCESS_KEY: "b",
      PULUMI_CONFIG_PASSPHRASE: "c",
      HF_TOKEN: undefined,
      PATH: "/bin",
      TOKENIZERS_PARALLELISM: "1",
    }),
    ["a", "b", "c"],
  );
});

test("every form of a secret, at its edges", () => {
  const cases: Readonly<Record<string, string>> = {
    "Proxy-Authorization: Basic abc": `Proxy-Authorization: ${REDACTED}`,
    "authorization = x; y": `authorization = ${REDACTED}; y`,
    "send Bearer abcdefghijkl now": `send Bearer ${REDACTED} now`,
    "send bearer abc now": "send bearer abc now",
    "my-api_key=abc,b": `my-api_key=${REDACTED},b`,
    "passphrase: abc": `passphrase: ${REDACTED}`,
    "secret://a": "secret://a",
    "credential='abc'": `credential='${REDACTED}'`,
    [`glpat-${letters.slice(0, 8)}`]: REDACTED,
    "xoxb-12345678": REDACTED,
    ghp_1234567: "ghp_1234567",
    xghp_12345678: "xghp_12345678",
    "pul-0123456789abcdef": REDACTED,
    "sk-ant-0123456789abcdef": REDACTED,
    ASIAQ7Z3M5N8P2R4: REDACTED,
    XAKIAQ7Z3M5N8P2R4: "XAKIAQ7Z3M5N8P2R4",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0": REDACTED,
    "-----BEGIN RSA PRIVATE KEY-----\nabc cut off": REDACTED,
    "HTTPS://a:b@h/ and ssh://git@h/": `HTTPS://${REDACTED}@h/ and ssh://git@h/`,
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(redact(text), expected, text);
});

test("exactly the shortest value is taken out, and spaces around it are no part of it", () => {
  assert.equal(redact("a 123456 b", ["123456"]), `a ${REDACTED} b`);
  assert.equal(redact("a 12345 b", ["12345"]), "a 12345 b");
  assert.equal(redact("a 123456 b", ["123456\n"]), `a ${REDACTED} b`);
  assert.deepEqual(redactAll(["a abcdef", { abcdef: "abcdef" }], ["abcdef"]), [
    `a ${REDACTED}`,
    { [REDACTED]: REDACTED },
  ]);
});

test("names of an environment that say so by their ends", () => {
  const environment = {
    ...{ A_AUTH: "1", AWS_SESSION_TOKEN: "2", COOKIE: "3", SESSION_COOKIE: "4" },
    ...{ AUTHOR: "5", COOKIES: "6", EMPTY_TOKEN: "" },
  };
  assert.deepEqual(secretValues(environment), ["1", "2", "3", "4"]);
});

/** What begins like a secret again and again, or goes on for ever without becoming one. */
const endless: Readonly<Record<string, string>> = {
  ...{ letters: "a", words: "a-", dotted: "a.", spaces: " ", lines: "\n" },
  ...{ keys: "-----BEGIN PRIVATE KEY-----", keyWords: "-----BEGIN A ", addresses: "a://", logins: "a://x" },
  ...{
    names: "token",
    nameAndSpaces: "token   ",
    header: "authorization",
    bearer: "bearer ",
    encrypted: "v1:aaaaaaaa",
  },
  ...{
    webTokens: "eyJaaaaaaaaaa-",
    webTokenParts: "eyJaaaaaaaaaa.a ",
    hub: "hf_",
    hubTokens: "hf_aaaaaaaaaaaaaaaa-",
  },
  ...{ platform: "sk-a", cloud: "AKIA", gitlab: "glpat-", github: "ghp_", headers: "a: b " },
};
const begins = [
  "",
  "eyJ",
  "v1:",
  "token",
  "hf_",
  "sk-",
  "AKIA",
  "a://",
  "-----BEGIN PRIVATE KEY-----\n",
  "bearer ",
];

test("a text of any length is read once: its time does not grow with the square of its length", () => {
  // With the square of this length it would take a quarter of an hour, read once it takes some milliseconds.
  const length = 400_000;
  const context = createContext({ redact, text: "" });
  for (const [name, part] of Object.entries(endless)) {
    for (const begin of begins) {
      context.text = begin + part.repeat(length / part.length);
      assert.doesNotThrow(
        () => runInContext("redact(text)", context, { timeout: 20_000 }),
        `${begin} ${name}`,
      );
    }
  }
});

test("50 MB of whatever a stranger repeats is read, in seconds", () => {
  const MB = 2 ** 20;
  for (const piece of ["eyJ", "token=", "-----BEGIN PRIVATE KEY-----\n", "a.b "]) {
    const began = performance.now();
    const text = `${piece.repeat((50 * MB) / piece.length)} HF_TOKEN=abc end`;
    assert.match(redact(text).slice(-200), /\[secret\]( end)?$/, piece);
    const seconds = (performance.now() - began) / 1000;
    assert.ok(seconds < 60, `${piece}: ${seconds} s`);
  }
});

test("a run that is longer than any word is taken out whole, and what stands around it stays", () => {
  const MB = 2 ** 20;
  const long = "x".repeat(MB + 1);
  assert.equal(redact(`before ${long} after`), `before ${REDACTED} after`);
  assert.equal(redact(`"${long}","${long}"`), `"${REDACTED}","${REDACTED}"`);
  assert.equal(redact(long), REDACTED);
  const word = "x".repeat(MB);
  assert.equal(redact(`a ${word} b`), `a ${word} b`);
});

test("a secret within a run of characters is found too", () => {
  assert.equal(redact("x-eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0"), `x-${REDACTED}`);
  assert.equal(redact("eyJ-eyJhbGciOiJIUzI1.eyJzdWIiOiIx"), REDACTED);
  assert.equal(redact("xeyJhbGciOiJIUzI1.eyJzdWIiOiIx"), "xeyJhbGciOiJIUzI1.eyJzdWIiOiIx");
  assert.equal(redact("my_token_secret=abc"), `my_token_secret=${REDACTED}`);
  assert.equal(redact("git+https://a:b@h/x"), `git+https://${REDACTED}@h/x`);
});
