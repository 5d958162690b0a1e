import assert from "node:assert/strict";
import { test } from "node:test";
import type { FoundModel } from "../../../../lib/import/inventory.ts";
import { matchModels } from "../../../../lib/import/match-models.ts";
import {
  formatModelLock,
  joinModelLocks,
  type ModelLock,
  parseModelLock,
} from "../../../../lib/locks/model-lock.ts";

const hash = "1a".repeat(32);
const known = {
  folder: "models/vae",
  name: "ae.safetensors",
  url: "https://example.com/ae",
  size: 5,
  sha256: hash,
  licence: "MIT",
  source: "test",
  gated: false,
};
const open = { ...known, name: "open.bin", url: "https://example.com/open", sha256: null };
const catalogue: ModelLock = { models: [known], incomplete: [open] };
const none: FoundModel = {
  folder: "models/vae",
  name: "ae.safetensors",
  url: null,
  sha256: null,
  size: null,
};
const match = (...found: Partial<FoundModel>[]) =>
  matchModels(
    found.map((each) => ({ ...none, ...each })),
    catalogue,
    "snapshot.json",
  );

test("a model is known by its hash, by the first ten digits of it, by its address, and by its path alone", () => {
  for (const claim of [
    { sha256: hash },
    { sha256: hash.slice(0, 10) },
    { url: known.url },
    {},
    { name: "open.bin" },
  ]) {
    const { paths, own, left } = match(claim);
    assert.equal(paths.length, 1);
    assert.deepEqual([own.models, own.incomplete, left], [[], [], []]);
  }
});

test("the same file under another name joins the recipe's own lock, whole", () => {
  const { paths, own } = match({ folder: "models/diffusion_models", name: "mine.safetensors", sha256: hash });
  assert.deepEqual(paths, ["models/diffusion_models/mine.safetensors"]);
  assert.deepEqual(own.models, [{ ...known, folder: "models/diffusion_models", name: "mine.safetensors" }]);
});

test("another file of a known name does not pass for it", () => {
  const other = "2b".repeat(32);
  const { paths, own, left } = match({ sha256: other });
  assert.deepEqual([paths, own.models], [[], []]);
  assert.match(left[0]?.reason ?? "", new RegExp(other));
  const given = match({ sha256: other, url: "https://example.com/other", size: 7 });
  assert.equal(given.own.models[0]?.sha256, other);
  const joined = joinModelLocks(catalogue, given.own);
  assert.deepEqual(joined.models, given.own.models);
  assert.deepEqual(joined.incomplete, [open]);
});

test("a path alone means strata's file only where the size is the same", () => {
  assert.deepEqual(match({ size: 5 }).paths, ["models/vae/ae.safetensors"]);
  const { paths, left } = match({ size: 6 });
  assert.deepEqual(paths, []);
  assert.match(left[0]?.reason ?? "", /its size is another/);
});

test("an address without hash or size is asked later; neither address nor hash is listed with its reason", () => {
  const { own, left } = match({ name: "new.bin", url: "https://example.com/new" }, { name: "nowhere.bin" });
  assert.deepEqual(
    own.incomplete.map(({ name, sha256, source }) => [name, sha256, source]),
    [["new.bin", null, "said by snapshot.json; its host was not asked"]],
  );
  assert.deepEqual(
    left.map(({ what }) => what),
    ["model models/vae/nowhere.bin"],
  );
  assert.doesNotThrow(() => parseModelLock(formatModelLock(own)));
});
