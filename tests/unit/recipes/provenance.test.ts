import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { repository } from "../../../home.ts";
import { provenanceFile, readProvenance } from "../../../recipes/provenance.ts";
import { setVariables, temporaryFolder } from "../support/folder.ts";

function createdAt(t: TestContext, epoch: string | undefined): string {
  const before = process.env.SOURCE_DATE_EPOCH;
  t.after(() => {
    if (before === undefined) delete process.env.SOURCE_DATE_EPOCH;
    else process.env.SOURCE_DATE_EPOCH = before;
  });
  if (epoch === undefined) delete process.env.SOURCE_DATE_EPOCH;
  else process.env.SOURCE_DATE_EPOCH = epoch;
  return readProvenance(repository, { folder: undefined }).created;
}

test("a product was made at its commit's time, or at the time that the environment gives", (t) => {
  const ofCommit = createdAt(t, undefined);
  assert.ok(Date.parse(ofCommit) > Date.UTC(2026, 0, 1), ofCommit);
  assert.equal(createdAt(t, ""), ofCommit);
  assert.equal(createdAt(t, "1767225600"), "2026-01-01T00:00:00.000Z");
});

test("a time that is none is the user's mistake", (t) => {
  for (const epoch of ["yesterday", "-1", "1e9", "99999999999999"])
    assert.throws(() => createdAt(t, epoch), /SOURCE_DATE_EPOCH: expected seconds since 1970, got/);
});

test("a package tells what git said of the clone that it was made in, whose project it may be in", (t) => {
  setVariables(t, { SOURCE_DATE_EPOCH: "" });
  const folder = temporaryFolder(t);
  const kept = { source: "https://example.org/strata", revision: "abc", created: "2026-03-04T05:06:07.000Z" };
  writeFileSync(join(folder, provenanceFile), JSON.stringify(kept));
  assert.deepEqual(readProvenance(folder, { folder: undefined }), kept);
  // A recipe of one's own comes from where its file is.
  assert.equal(readProvenance(folder, { folder }).revision, null);
  setVariables(t, { SOURCE_DATE_EPOCH: "1767225600" });
  const { created } = readProvenance(folder, { folder: undefined });
  assert.equal(created, "2026-01-01T00:00:00.000Z");
});
