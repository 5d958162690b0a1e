import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { strToU8, zipSync } from "fflate";
import { gitPurl, pypiPurl } from "../../../../lib/bill/purl.ts";
import { partsOfPlan } from "../../../../lib/vulnerabilities/bill-parts.ts";
import {
  compareVulnerabilities,
  findVulnerabilities,
} from "../../../../tools/vulnerabilities/find-vulnerabilities.ts";
import { openVulnerabilitySource } from "../../../../tools/vulnerabilities/open-vulnerability-source.ts";
import { startFakeOsv } from "../../../support/fake-osv.ts";
import { critical, debianRecord, wheelRecord } from "../../../support/osv-records.ts";
import { temporaryFolder } from "../../support/folder.ts";

const commit = "c".repeat(40);
const moved = "d".repeat(40);

/** Parts by purl. */
const parts = (...purls: string[]) =>
  partsOfPlan({
    components: purls.map((purl) => {
      const [, name = "", version = ""] = /([^/]+)@([^?]+)/.exec(purl) ?? [];
      return { kind: "wheel" as const, name, version, purl, stage: "one" };
    }),
    product: { parents: ["one"] },
  });
const openssl = (version: string) => `pkg:deb/debian/libssl3@${version}?distro=debian-12&upstream=openssl`;
const pillow = (version: string) => pypiPurl("pillow", version);

const records = [
  wheelRecord("GHSA-a", "pillow", "10.0", { aliases: ["CVE-2026-1", "PYSEC-1"] }),
  wheelRecord("PYSEC-1", "pillow", "10.0", { aliases: ["CVE-2026-1", "GHSA-a"] }),
  wheelRecord("GHSA-b", "pillow", "12.0", { aliases: ["CVE-2026-2"] }),
  debianRecord("CVE-2026-3", "openssl", "3.0.15-1", { severity: [] }),
  { id: "CVE-2026-3", severity: [{ type: "CVSS_V3", score: critical }] },
  {
    id: "CVE-2026-4",
    aliases: [],
    affected: [{ ranges: [{ type: "GIT", events: [{ introduced: "0" }, { fixed: moved }] }] }],
  },
];

async function service(t: TestContext) {
  const osv = await startFakeOsv(
    {
      "pkg:pypi/pillow@9.0": ["GHSA-a", "PYSEC-1", "GHSA-b"],
      "pkg:pypi/pillow@11.0": ["GHSA-b"],
      "Debian:12 openssl 3.0.1-1": ["DEBIAN-CVE-2026-3"],
      [commit]: ["CVE-2026-4"],
      "pkg:pypi/torch@2.0": ["GONE-1"],
    },
    records,
  );
  t.after(() => osv.stop());
  const home = { vulnerabilities: temporaryFolder(t) };
  return { osv, source: await openVulnerabilitySource(home, undefined, { STRATA_OSV_ADDRESS: osv.address }) };
}

/** The same knowledge as files. */
async function database(t: TestContext, folderOf: (ecosystem: string) => string = (ecosystem) => ecosystem) {
  const folder = temporaryFolder(t);
  const all: Record<string, object[]> = { PyPI: records.slice(0, 3), Debian: records.slice(3, 4) };
  for (const [ecosystem, inside] of Object.entries(all)) {
    const place = join(folder, folderOf(ecosystem));
    mkdirSync(place, { recursive: true });
    const files = inside.map((record) => [
      `${(record as { id: string }).id}.json`,
      strToU8(JSON.stringify(record)),
    ]);
    writeFileSync(join(place, "all.zip"), zipSync(Object.fromEntries(files)));
  }
  return { folder, source: await openVulnerabilitySource({ vulnerabilities: folder }, folder) };
}

const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id).sort();

test("an image's wheels, packages and commits are asked about, each vulnerability is told once", async (t) => {
  const { source } = await service(t);
  const node = gitPurl("https://github.com/o/n", commit);
  const image = parts(pillow("9.0"), openssl("3.0.1-1"), node, "pkg:huggingface/a/b@1");
  const { found, asked, silent, unanswered } = await findVulnerabilities(image, source);
  assert.deepEqual(ids(found), ["CVE-2026-1", "CVE-2026-2", "CVE-2026-3", "CVE-2026-4"]);
  assert.deepEqual({ asked, silent, unanswered }, { asked: 3, silent: 1, unanswered: {} });
  // Debian's record has no score: that of the CVE counts.
  const ssl = found.find(({ id }) => id === "CVE-2026-3");
  assert.deepEqual([ssl?.severity, ssl?.fixed, ssl?.parts], ["critical", "3.0.15-1", ["libssl3"]]);
  assert.equal(found.find(({ id }) => id === "CVE-2026-4")?.fixed, moved.slice(0, 12));
});

test("a record that is listed and gone is told of by its name", async (t) => {
  const { source } = await service(t);
  const { found } = await findVulnerabilities(parts(pypiPurl("torch", "2.0+cu130")), source);
  assert.deepEqual(
    found.map(({ id, severity }) => [id, severity]),
    [["GONE-1", "unknown"]],
  );
});

test("a moved lock adds one and removes one; what stays with a package is no change", async (t) => {
  const { osv, source } = await service(t);
  const change = await compareVulnerabilities(
    parts(pillow("9.0"), openssl("3.0.15-1")),
    parts(pillow("11.0"), openssl("3.0.1-1")),
    source,
  );
  assert.deepEqual(ids(change.added), ["CVE-2026-3"]);
  assert.deepEqual(ids(change.removed), ["CVE-2026-1"]);
  // What both have is not read at all.
  assert.ok(!osv.read.includes("GHSA-b"), osv.read.join(" "));
  assert.equal(osv.batches.length, 1);
});

test("another record of the same vulnerability is no change", async (t) => {
  const osv = await startFakeOsv(
    {
      "pkg:pypi/pillow@9.0": ["GHSA-a"],
      "pkg:pypi/pillow@9.1": ["PYSEC-1"],
      "pkg:pypi/pillow@9.2": ["GHSA-a", "PYSEC-1"],
    },
    records,
  );
  t.after(() => osv.stop());
  const home = { vulnerabilities: temporaryFolder(t) };
  const source = await openVulnerabilitySource(home, undefined, { STRATA_OSV_ADDRESS: osv.address });
  for (const [before, after] of [
    ["9.0", "9.1"],
    ["9.0", "9.2"],
    ["9.2", "9.1"],
  ] as const) {
    const change = await compareVulnerabilities(parts(pillow(before)), parts(pillow(after)), source);
    assert.deepEqual(change, { added: [], removed: [] });
  }
});

test("the database in a folder says the same, but for commits, and says so", async (t) => {
  const { source } = await database(t);
  const image = parts(pillow("9.0"), openssl("3.0.1-1"), gitPurl("https://github.com/o/n", commit));
  const { found, asked, unanswered } = await findVulnerabilities(image, source);
  assert.deepEqual(ids(found), ["CVE-2026-1", "CVE-2026-2", "CVE-2026-3"]);
  assert.equal(asked, 2);
  assert.deepEqual(unanswered, { "commits, of which OSV's service alone has the histories": 1 });
  const mended = await findVulnerabilities(parts(pillow("12.0"), openssl("3.0.15-1")), source);
  assert.deepEqual(mended.found, []);
});

test("folders as osv-scanner keeps them, and one for a release, are found; one that is not there is said", async (t) => {
  const image = parts(pillow("9.0"), openssl("3.0.1-1"));
  for (const place of ["osv-scanner", "osv-scalibr"]) {
    const { source } = await database(t, (ecosystem) => join(place, ecosystem));
    assert.equal((await findVulnerabilities(image, source)).found.length, 3);
  }
  const released = await database(t, (ecosystem) => (ecosystem === "Debian" ? "Debian:12" : ecosystem));
  assert.equal((await findVulnerabilities(image, released.source)).found.length, 3);
  const other = await database(t, (ecosystem) => (ecosystem === "Debian" ? "Debian:13" : ecosystem));
  const { found, unanswered } = await findVulnerabilities(image, other.source);
  assert.equal(found.length, 2);
  assert.deepEqual(unanswered, { "Debian:12, whose all.zip is not there": 1 });
});

test("half a file is an error, never an image without faults", async (t) => {
  const { folder, source } = await database(t);
  writeFileSync(join(folder, "PyPI", "all.zip"), "PK");
  await assert.rejects(findVulnerabilities(parts(pillow("9.0")), source), /all\.zip: is no ZIP file/);
  writeFileSync(join(folder, "PyPI", "all.zip"), zipSync({ "x.json": strToU8('{"no":"id"}') }));
  await assert.rejects(findVulnerabilities(parts(pillow("9.0")), source), /holds what is no record of OSV/);
  await assert.rejects(
    openVulnerabilitySource({ vulnerabilities: folder }, join(folder, "none")),
    /is no folder/,
  );
});
