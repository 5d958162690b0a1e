import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { LISTING_VERSION } from "../../../../lib/audit/audit-schema.ts";
import { listLayer } from "../../../../oci/read/listing-cache.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { makeTar } from "../support/tar.ts";

const digest = `sha256:${"a".repeat(64)}`;

/** A cache that is not there yet, its file for `digest`, and how often the layer was opened. */
async function setting(t: TestContext) {
  const folder = join(temporaryFolder(t), "deep", "cache");
  const tar = await makeTar([{ name: "etc/file", content: "x" }]);
  const opened = { times: 0 };
  const open = () => {
    opened.times++;
    return Readable.from([tar]);
  };
  const file = join(folder, `sha256-${"a".repeat(64)}.json`);
  return { folder, file, opened, list: () => listLayer(folder, digest, open) };
}

test("a layer is read once, and its listing kept under its digest", async (t) => {
  const { folder, file, opened, list } = await setting(t);
  const first = await list();
  assert.equal(first.entries[0]?.path, "etc/file");
  assert.deepEqual(await list(), first);
  assert.equal(opened.times, 1);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    version: LISTING_VERSION,
    digest,
    listing: first,
  });
  assert.equal(readdirSync(folder).length, 1, "nothing unfinished stays");
});

test("a listing of another layer, of another version or that is damaged is read anew", async (t) => {
  const { folder, file, opened, list } = await setting(t);
  mkdirSync(folder, { recursive: true });
  const listing = { entries: [] };
  for (const kept of [
    { version: LISTING_VERSION, digest: "sha256:other", listing },
    { version: LISTING_VERSION + 1, digest, listing },
    { version: LISTING_VERSION, digest, listing: {} },
    { version: LISTING_VERSION, digest, listing, more: 1 },
  ]) {
    opened.times = 0;
    writeFileSync(file, JSON.stringify(kept));
    assert.equal((await list()).entries.length, 1, JSON.stringify(kept));
    assert.equal(opened.times, 1);
  }
  writeFileSync(file, "{");
  assert.equal((await list()).entries.length, 1);
});

test("a listing that cannot be kept is an error, and leaves nothing by half", async (t) => {
  const { folder, file, list } = await setting(t);
  // A folder where the file should be: written, and then not put into its place.
  mkdirSync(join(file, "occupied"), { recursive: true });
  await assert.rejects(list(), /EISDIR|ENOTEMPTY|EEXIST/);
  assert.deepEqual(readdirSync(folder), [`sha256-${"a".repeat(64)}.json`]);
  assert.ok(existsSync(join(file, "occupied")));
});
