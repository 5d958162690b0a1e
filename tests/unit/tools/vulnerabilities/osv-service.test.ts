import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { OsvQuestion } from "../../../../lib/vulnerabilities/bill-parts.ts";
import { OsvService } from "../../../../tools/vulnerabilities/osv-service.ts";
import { type Known, startFakeOsv } from "../../../support/fake-osv.ts";
import { wheelRecord } from "../../../support/osv-records.ts";
import { temporaryFolder } from "../../support/folder.ts";

const wheel = (name: string): OsvQuestion => ({
  kind: "package",
  ecosystem: "PyPI",
  name,
  version: "1",
  purl: `pkg:pypi/${name}@1`,
});

async function open(
  t: TestContext,
  known: Known,
  records: Parameters<typeof startFakeOsv>[1] = [],
  pageSize?: number,
) {
  const osv = await startFakeOsv(known, records, pageSize);
  t.after(() => osv.stop());
  const cache = temporaryFolder(t);
  const service = () => new OsvService(`${osv.address}/`, { cache, tries: 3, pauseMs: 5 });
  return { osv, service };
}

test("more than a thousand questions go in batches, and each gets its own answer", async (t) => {
  const questions = Array.from({ length: 2_001 }, (_, at) => wheel(`w${at}`));
  const { osv, service } = await open(t, {
    "pkg:pypi/w0@1": ["A"],
    "pkg:pypi/w1000@1": ["B"],
    "pkg:pypi/w2000@1": ["C"],
  });
  const found = await service().recordsFor(questions);
  assert.deepEqual(
    osv.batches.map((batch) => batch.length),
    [1_000, 1_000, 1],
  );
  const hits = found.flatMap((names, at) => names.map(({ id }) => `${at} ${id}`));
  assert.deepEqual(hits, ["0 A", "1000 B", "2000 C"]);
  assert.equal(found.length, 2_001);
});

test("pages are followed to their end, and only questions with a further page are asked again", async (t) => {
  const { osv, service } = await open(
    t,
    { "pkg:pypi/a@1": ["A1", "A2", "A3"], "pkg:pypi/b@1": ["B1"], "Debian:12 openssl 3.0": ["D1", "D2"] },
    [],
    1,
  );
  const debian = { kind: "package", ecosystem: "Debian:12", name: "openssl", version: "3.0" } as const;
  const found = await service().recordsFor([wheel("a"), wheel("b"), debian]);
  assert.deepEqual(
    found.map((names) => names.map(({ id }) => id)),
    [["A1", "A2", "A3"], ["B1"], ["D1", "D2"]],
  );
  assert.deepEqual(
    osv.batches.map((batch) => batch.length),
    [3, 2, 1],
  );
});

test("a commit is asked by its hash", async (t) => {
  const commit = "a".repeat(40);
  const { service } = await open(t, { [commit]: ["G"] });
  const [names] = await service().recordsFor([{ kind: "commit", name: "o/n", commit }]);
  assert.deepEqual(
    names?.map(({ id }) => id),
    ["G"],
  );
});

test("a service without time is asked again, one that stays so is told of", async (t) => {
  const { osv, service } = await open(t, { "pkg:pypi/a@1": ["A"] });
  osv.fail(503, 2);
  assert.equal((await service().recordsFor([wheel("a")]))[0]?.length, 1);
  osv.fail(503, 3);
  await assert.rejects(
    service().recordsFor([wheel("a")]),
    /127\.0\.0\.1:\d+\/v1\/querybatch: answers 503\..*--database/,
  );
});

test("a refusal is an error with OSV's own words, not an image without faults", async (t) => {
  const { service } = await open(t, {});
  const unknown = { kind: "package", ecosystem: "Arch:1", name: "x", version: "1" } as const;
  await assert.rejects(service().recordsFor([unknown]), /answers 400: .*Invalid ecosystem/);
});

test("a record is read once, and again when it was changed", async (t) => {
  const record = wheelRecord("GHSA-a", "a", "2");
  const { osv, service } = await open(t, {}, [record]);
  const read = async (modified: string | null) => (await service().record({ id: "GHSA-a", modified }))?.id;
  assert.equal(await read("1"), "GHSA-a");
  assert.equal(await read("1"), "GHSA-a");
  assert.equal(osv.read.length, 1);
  await read("2");
  await read(null);
  await read(null);
  assert.equal(osv.read.length, 3);
  assert.equal(await service().record({ id: "GHSA-none", modified: null }), undefined);
});

test("nobody who answers fewer questions than were asked is believed", async (t) => {
  const cache = temporaryFolder(t);
  for (const body of ['{"results":[]}', '{"results":[{"error":1}]}', "<html>", "{}"]) {
    t.mock.method(globalThis, "fetch", async () => new Response(body, { status: 200 }));
    const service = new OsvService("http://osv.test", { cache, tries: 1 });
    const asked = service.recordsFor([wheel("a"), wheel("b")]);
    await assert.rejects(
      asked,
      /osv\.test\/v1\/querybatch: (does not answer each|answers with what is no JSON)/,
    );
  }
});
