import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { strToU8, zipSync } from "fflate";
import { repository } from "../../../../home.ts";
import { SPDX_TYPE } from "../../../../lib/attestation/statement.ts";
import { attachDocument } from "../../../../tools/attestation/attach.ts";
import { startFakeOsv } from "../../../support/fake-osv.ts";
import { debianRecord, wheelRecord } from "../../../support/osv-records.ts";
import { plannedBy } from "../../../support/preview.ts";
import { sampleBill } from "../../../support/sample-bill.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { quickTransport } from "../../oci/support/transport.ts";
import { temporaryFolder } from "../../support/folder.ts";

const fastapi = plannedBy(repository).plan.components.find(({ name }) => name === "fastapi");

test("a plan is asked about before it is built: a table or JSON, an allow-list, and a gate by its status", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "PyPI"));
  const record = wheelRecord("GHSA-a", "fastapi", "999", { aliases: ["CVE-2026-1"] });
  writeFileSync(join(folder, "PyPI", "all.zip"), zipSync({ "GHSA-a.json": strToU8(JSON.stringify(record)) }));
  const allow = join(folder, "allowed.yaml");
  writeFileSync(allow, "- {id: GHSA-a, reason: nobody asks, expires: 2999-01-01}\n");
  const run = async (...words: string[]) => {
    const command = ["tools/commands/vulnerabilities.ts", "dev", "--plan", "--database", folder, ...words];
    return await execa(process.execPath, command, {
      cwd: repository,
      env: { STRATA_HOME: folder },
      reject: false,
    });
  };
  const table = await run();
  assert.equal(table.exitCode, 0, table.stderr);
  assert.match(table.stdout, new RegExp(`critical 9\\.8 .*CVE-2026-1 .*fastapi .*${fastapi?.version} .*999`));
  assert.match(table.stderr, /packages that the base image brings are in no plan/);
  assert.match(table.stderr, /has no answer for \d+ parts: Debian:12, whose all\.zip is not there/);
  mkdirSync(join(folder, "Debian"));
  writeFileSync(join(folder, "Debian", "all.zip"), zipSync({}));
  const { stdout, exitCode } = await run("--json", "--gate", "high");
  assert.equal(exitCode, 1);
  const { found, stopped, image } = JSON.parse(stdout);
  assert.deepEqual([found.length, stopped, image], [1, 1, "the plan of dev"]);
  const allowed = await run("--gate", "high", "--allow", allow);
  assert.equal(allowed.exitCode, 0, allowed.stderr);
  assert.match(allowed.stdout, /allowed until 2999-01-01: nobody asks/);
  const wrong = await run("--gate", "bad");
  assert.match(wrong.stderr, /--gate: expected one of off, critical, high, medium, low, got "bad"/);
});

/** Two products in a registry, a former and a newer one, and an OSV that knows what is wrong with each. */
async function openProducts(t: TestContext) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const osv = await startFakeOsv(
    {
      "pkg:pypi/pillow@9.0": ["GHSA-old", "GHSA-stays"],
      "pkg:pypi/pillow@11.0": ["GHSA-stays"],
      "Debian:12 openssl 3.0.2": ["DEBIAN-CVE-2026-3"],
    },
    [
      wheelRecord("GHSA-old", "pillow", "10.0", { aliases: ["CVE-2026-1"] }),
      wheelRecord("GHSA-stays", "pillow", undefined, { aliases: ["CVE-2026-2"] }),
      debianRecord("CVE-2026-3", "openssl", undefined),
    ],
  );
  t.after(() => osv.stop());
  const push = async (tag: string, bill?: string) => {
    const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: Buffer.from(tag) };
    const reference = `${registry.host}/${REPOSITORY}@${registry.image(tag, [layer]).digest}`;
    if (bill) await attachDocument(reference, { type: SPDX_TYPE, text: bill }, quickTransport());
    return reference;
  };
  const former = await push("former", sampleBill({ pillow: "9.0" }, { openssl: "3.0.1" }));
  const newer = await push("newer", sampleBill({ pillow: "11.0" }, { openssl: "3.0.2" }));
  const bare = await push("bare");
  const folder = temporaryFolder(t);
  const run = (...words: string[]) =>
    execa(process.execPath, ["tools/commands/vulnerabilities.ts", ...words], {
      cwd: repository,
      env: { STRATA_HOME: folder, DOCKER_CONFIG: folder, STRATA_OSV_ADDRESS: osv.address },
      reject: false,
    });
  return { registry, former, newer, bare, folder, run };
}

test("an image is asked about by its reference, of which nothing but the bill is pulled", async (t) => {
  const { registry, former, newer, bare, run } = await openProducts(t);
  registry.requests.length = 0;
  const byTag = await run(`${registry.host}/${REPOSITORY}:former`);
  assert.equal(byTag.exitCode, 0, byTag.stderr);
  assert.ok(byTag.stdout.startsWith(`${former}\n`), byTag.stdout);
  assert.match(byTag.stdout, /critical 9\.8 .*CVE-2026-1 .*pillow .*9\.0 .*10\.0/);
  assert.match(byTag.stdout, /CVE-2026-2 .*pillow/);
  assert.match(byTag.stdout, /^2 critical$/m);
  const layer = Buffer.from("former").length;
  const blobs = [...registry.content].filter(([, { bytes }]) => bytes.length === layer).map(([key]) => key);
  assert.equal(blobs.length, 1);
  assert.ok(!registry.requests.some((request) => request.endsWith(blobs[0] ?? "")), "a layer was pulled");
  const gated = await run(newer, "--gate", "critical");
  assert.equal(gated.exitCode, 1);
  assert.match(gated.stderr, /gate critical: 1 do not pass/);
  // Nothing mends that one.
  assert.equal((await run(newer, "--gate", "critical", "--only-fixed")).exitCode, 0);
  const none = await run(bare);
  assert.equal(none.exitCode, 1);
  assert.match(none.stderr, /has no bill of materials beside it/);
});

test("against another image: what the one adds and removes, as a table and as JSON, and the gate looks at that alone", async (t) => {
  const { former, newer, run } = await openProducts(t);
  const { stdout, stderr, exitCode } = await run(newer, "--against", former);
  assert.equal(exitCode, 0, stderr);
  const [added = "", removed = ""] = stdout.split("removed:");
  assert.ok(added.startsWith(`${newer}\nagainst ${former}\nadded:\n`), stdout);
  assert.match(added, /CVE-2026-3 .*openssl .*3\.0\.2/);
  assert.match(removed, /CVE-2026-1 .*pillow .*9\.0/);
  assert.doesNotMatch(stdout, /CVE-2026-2/);
  const {
    added: adds,
    removed: removes,
    open,
    against,
  } = JSON.parse((await run(newer, "--against", former, "--json")).stdout);
  const ids = (list: { id: string }[]) => list.map(({ id }) => id);
  assert.deepEqual(
    [ids(adds), ids(removes), ids(open), against],
    [["CVE-2026-3"], ["CVE-2026-1"], ["CVE-2026-3"], former],
  );
  // It is medium; the critical one was there before.
  assert.equal((await run(newer, "--against", former, "--gate", "high")).exitCode, 0);
  assert.equal((await run(newer, "--against", former, "--gate", "medium")).exitCode, 1);
  const same = await run(newer, "--against", newer);
  assert.match(same.stdout, /added: nothing\nremoved: nothing$/);
});

test("what grype has found beside that counts for the gate", async (t) => {
  const { newer, folder, run } = await openProducts(t);
  const scan = join(folder, "report.json");
  const artifact = { name: "libtiff6", version: "4.5.0", type: "deb", upstreams: [{ name: "tiff" }] };
  const vulnerability = {
    id: "CVE-2026-9",
    severity: "Critical",
    fix: { versions: ["4.5.1"], state: "fixed" },
  };
  const report = { descriptor: { name: "grype" }, matches: [{ vulnerability, artifact }] };
  writeFileSync(scan, JSON.stringify(report));
  const words = [newer, "--gate", "critical", "--only-fixed"];
  assert.equal((await run(...words)).exitCode, 0);
  const both = await run(...words, "--scan", scan);
  assert.equal(both.exitCode, 1, both.stderr);
  assert.match(both.stdout, /CVE-2026-9 .*tiff \(libtiff6\) .*4\.5\.0 .*4\.5\.1/);
  writeFileSync(scan, "{}");
  assert.match((await run(newer, "--scan", scan)).stderr, /report\.json: is no report of grype/);
});
