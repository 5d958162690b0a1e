import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelsReport } from "../../../../lib/comfyui/workflow/report.ts";
import type { IncompleteModel, LockedModel } from "../../../../lib/locks/model-lock.ts";
import { withMissingModels } from "../../../../lib/models/missing-models.ts";

const locked: LockedModel = {
  name: "a.safetensors",
  folder: "models/vae",
  licence: null,
  source: "test",
  url: "https://example.com/a",
  size: 5,
  sha256: "1".repeat(64),
  gated: null,
};
const incomplete: IncompleteModel = { ...locked, name: "i.safetensors", size: null, sha256: null };
const file = (name: string, state: string, url: string | null) => ({
  folder: "models/vae",
  name,
  state,
  url,
});
const add = (...files: object[]) =>
  withMissingModels({ models: [locked], incomplete: [incomplete] }, { files } as unknown as ModelsReport);

test("what is missing and has an address joins the lock, with nothing that nobody checked", () => {
  const lock = add(
    file("new.safetensors", "missing", "https://example.com/new"),
    file("nowhere.safetensors", "missing", null),
    file("other.safetensors", "locked", "https://example.com/other"),
    file("a.safetensors", "missing", "https://example.com/a2"),
    file("i.safetensors", "missing", "https://example.com/i2"),
  );
  assert.deepEqual(lock.models, [locked]);
  assert.deepEqual(lock.incomplete, [
    incomplete,
    {
      name: "new.safetensors",
      folder: "models/vae",
      licence: null,
      source: "the address is from a workflow; nobody has asked it yet",
      url: "https://example.com/new",
      size: null,
      sha256: null,
      gated: null,
    },
  ]);
});

test("a page of the hub becomes the file's own address", () => {
  const address = (url: string) => add(file("n.safetensors", "missing", url)).incomplete.at(-1)?.url;
  const hub = "https://huggingface.co/owner/name";
  assert.equal(address(`${hub}/blob/main/a/blob/b.bin?download=true`), `${hub}/resolve/main/a/blob/b.bin`);
  assert.equal(address(`${hub}/resolve/main/b.bin`), `${hub}/resolve/main/b.bin`);
  for (const other of [
    "https://example.com/o/n/blob/main/b.bin?download=true",
    `https://example.com/${hub}/blob/main/b.bin?download=true`,
    "https://huggingface.co/owner/blob/b.bin",
    `${hub}/resolve/main/b.bin?download=true&x=1`,
  ])
    assert.equal(address(other), other);
});

test("what a workflow says has to be fit for the lock", () => {
  assert.throws(
    () => add(file("../a", "missing", "https://example.com/a")),
    /models of the workflow: incomplete\.1\.name/,
  );
  assert.throws(() => add(file("b", "missing", "http://example.com/a")), /incomplete\.1\.url/);
});

test("somebody's key in an address of CivitAI stays out of the lock; other hosts' are refused", () => {
  const address = (url: string) => add(file("n.safetensors", "missing", url)).incomplete.at(-1)?.url;
  for (const host of ["civitai.com", "civitai.green", "civitai.red"]) {
    const download = `https://${host}/api/download/models/1`;
    assert.equal(address(`${download}?token=very-secret`), download);
    assert.equal(
      address(`${download}?type=Model&token=x&format=SafeTensor`),
      `${download}?type=Model&format=SafeTensor`,
    );
    assert.equal(address(`${download}?type=Model`), `${download}?type=Model`);
  }
  assert.throws(() => address("https://example.com/a?token=very-secret"), /without a key or signature/);
});
