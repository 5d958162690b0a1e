import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { UserErrors } from "../../../../errors.ts";
import { repository } from "../../../../home.ts";
import { hubUrl, parseHubUrl } from "../../../../lib/lock-making/hub-address.ts";
import {
  fetchManifest,
  formatModelLock,
  lockedModels,
  modelLockPath,
  modelPath,
  parseModelLock,
} from "../../../../lib/locks/model-lock.ts";

const model = {
  name: "a.safetensors",
  folder: "models/vae",
  licence: "Apache-2.0",
  source: "asked",
  url: "https://huggingface.co/o/n/resolve/main/a.safetensors",
  size: 10,
  sha256: "a".repeat(64),
  gated: false,
};
const wanted = { ...model, name: "b.safetensors", size: null, sha256: null, gated: null, about: 9 };
const parse = (lock: unknown) => parseModelLock(JSON.stringify(lock));

test("a lock comes back as it was, sorted by where the files belong", () => {
  const lock = { models: [model], incomplete: [wanted] };
  assert.deepEqual(parse(lock), lock);
  const second = { ...model, folder: "models/clip" };
  assert.deepEqual(
    parseModelLock(formatModelLock({ models: [model, second], incomplete: [] })).models.map(modelPath),
    ["models/clip/a.safetensors", "models/vae/a.safetensors"],
  );
});

test("what cannot be built with is refused with its path", () => {
  for (const [change, problem] of [
    [{ sha256: null }, /models\.0\.sha256/],
    [{ sha256: "A".repeat(64) }, /sha256: .*64 hex digits in lower case/],
    [{ size: 0 }, /models\.0\.size/],
    [{ size: 1.5 }, /models\.0\.size/],
    [{ url: "http://h/a" }, /url: .*an https address/],
    [{ url: "https://user:secret@h/a" }, /url: .*without a login/],
    [{ url: "https://h/a b" }, /url/],
    [{ url: "https://h/a?type=Model&token=1" }, /url: .*without a key or signature/],
    [{ url: "https://h/a?API_KEY=1" }, /url: .*without a key or signature/],
    [{ url: "https://h/a?X-Amz-Date=1&X-Amz-Signature=1" }, /url: .*without a key or signature/],
    [{ name: "../a" }, /name: .*a file name/],
    [{ name: "a/../../b" }, /name/],
    [{ name: "/a" }, /name/],
    [{ name: "a\nb" }, /name/],
    [{ name: "a/.." }, /name/],
    [{ name: "." }, /name/],
    [{ name: "a/./b" }, /name/],
    [{ name: "aa//b" }, /name/],
    [{ name: "a/" }, /name/],
    [{ name: "a\\b" }, /name/],
    [{ name: "" }, /name/],
    [{ url: "xhttps://h/a" }, /url/],
    [{ url: "https://h/" }, /url/],
    [{ sha256: `0${"a".repeat(64)}` }, /sha256/],
    [{ sha256: `${"a".repeat(64)}0` }, /sha256/],
    [{ folder: "x/models/vae" }, /folder/],
    [{ folder: "etc" }, /folder: .*below models\/ or custom_nodes\//],
    [{ folder: "models/../etc" }, /folder/],
    [{ gated: "no" }, /gated/],
    [{ license: "x" }, /license: is not a setting/],
  ] as const) {
    assert.throws(
      () => parse({ models: [{ ...model, ...change }], incomplete: [] }),
      problem,
      JSON.stringify(change),
    );
  }
  assert.throws(
    () => parse({ models: [model], incomplete: [{ ...wanted, name: model.name }] }),
    /is there twice/,
  );
  assert.throws(() => parseModelLock("{"), /locks\/models\.json: is not JSON/);
});

test("a model without a hash is refused as an input, with what to do; all problems come together", () => {
  const lock = parse({
    models: [model],
    incomplete: [wanted, { ...wanted, name: "c.safetensors", sha256: model.sha256 }],
  });
  assert.deepEqual(lockedModels(["models/vae/a.safetensors"], lock), [model]);
  assert.throws(
    () =>
      lockedModels(["models/vae/b.safetensors", "models/vae/c.safetensors", "models/vae/a.safetensor"], lock),
    (error: UserErrors) => {
      assert.deepEqual(
        error.errors.map(({ message }) => message),
        [
          "locks/models.json: models/vae/b.safetensors: hash unknown. Run `npm run lock -- models` on a machine that reaches huggingface.co.",
          "locks/models.json: models/vae/c.safetensors: size unknown. Run `npm run lock -- models` on a machine that reaches huggingface.co.",
          'locks/models.json: models/vae/a.safetensor: is not there. Did you mean "models/vae/a.safetensors"?',
        ],
      );
      return true;
    },
  );
});

test("the fetcher is told what decides the bytes, and nothing else", () => {
  const { licence: _, source: __, ...rest } = model;
  assert.deepEqual(JSON.parse(fetchManifest([model])), { models: [rest] });
  assert.equal(
    fetchManifest([{ ...model, gated: null, licence: "MIT", source: "x" }]),
    fetchManifest([model]),
  );
});

test("the repository's own lock is right, and never invents a hash", () => {
  const lock = parseModelLock(readFileSync(join(repository, modelLockPath), "utf8"));
  assert.equal(formatModelLock(lock), readFileSync(join(repository, modelLockPath), "utf8"));
  for (const { sha256, source } of lock.models) assert.ok(!/^(.)\1*$/.test(sha256), source);
});

test("addresses on the hub are taken apart and put together", () => {
  const file = { repository: "o/n", revision: "main", path: "a/b%20c.bin" };
  const address = "https://huggingface.co/o/n/resolve/main/a/b%20c.bin";
  assert.deepEqual(parseHubUrl(address), file);
  assert.equal(hubUrl(file), address);
  assert.equal(
    hubUrl({ ...file, revision: "refs/pr/1" }, "http://m:1/hub/"),
    "http://m:1/hub/o/n/resolve/refs%2Fpr%2F1/a/b%20c.bin",
  );
  assert.equal(
    parseHubUrl(
      `${address}`
        .replace("/n/", "/n/")
        .replace("https://huggingface.co/", "https://huggingface.co/datasets/"),
    )?.repository,
    "datasets/o/n",
  );
  for (const other of ["https://example.com/o/n/resolve/main/a", "https://huggingface.co/o/n/blob/main/a"]) {
    assert.equal(parseHubUrl(other), undefined);
  }
});

test("what is wanted is sorted as well, and a gated model is told as one", () => {
  const other = { ...wanted, name: "a.safetensors" };
  const lock = parseModelLock(formatModelLock({ models: [], incomplete: [wanted, other] }));
  assert.deepEqual(lock.incomplete.map(modelPath), ["models/vae/a.safetensors", "models/vae/b.safetensors"]);
  const gated = (value: boolean | null) =>
    JSON.parse(fetchManifest([{ ...model, gated: value }])).models[0].gated;
  assert.deepEqual([true, false, null].map(gated), [true, false, false]);
});

test("an address with a key in it is refused without repeating it; a token in its path is only a name", () => {
  assert.throws(
    () => parse({ models: [{ ...model, url: "https://h/a?token=very-secret" }], incomplete: [] }),
    ({ message }: Error) =>
      /HF_TOKEN and CIVITAI_TOKEN go beside it/.test(message) && !/very-secret/.test(message),
  );
  for (const url of ["https://h/token=/a?type=Model", "https://h/a?tokenizer=b", "https://h/a#?token=b"])
    assert.doesNotThrow(() => parse({ models: [{ ...model, url }], incomplete: [] }), url);
});
