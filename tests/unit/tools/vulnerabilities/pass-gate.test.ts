/** A gate on a product in a registry: the steps of promotion as components start them, the bill as an update attaches it. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { repository } from "../../../../home.ts";
import { SPDX_TYPE } from "../../../../lib/attestation/statement.ts";
import { listReferrers } from "../../../../oci/read/referrers.ts";
import { attachDocument } from "../../../../tools/attestation/attach.ts";
import { samplePromotionEnvironment } from "../../../support/evidence.ts";
import { startFakeOsv } from "../../../support/fake-osv.ts";
import { wheelRecord } from "../../../support/osv-records.ts";
import { sampleBill } from "../../../support/sample-bill.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { quickTransport } from "../../oci/support/transport.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { pointsAt, promoting } from "../promotion/support/promoting.ts";

const digest = `sha256:${"b".repeat(64)}`;

/** A tested product whose bill has a bad pillow, and an OSV that knows it. */
async function open(t: TestContext) {
  const made = await promoting(t);
  const osv = await startFakeOsv({ "pkg:pypi/pillow@9.0": ["GHSA-a"] }, [
    wheelRecord("GHSA-a", "pillow", "10.0", { aliases: ["CVE-2026-1"] }),
  ]);
  t.after(() => osv.stop());
  const home = temporaryFolder(t);
  const attach = (version: string) =>
    attachDocument(
      made.reference,
      { type: SPDX_TYPE, text: sampleBill({ pillow: version }) },
      quickTransport(),
    );
  const step = async (gate: object, attached: string, program = "promotion", more: object = {}) => {
    const { exitCode, stdout, stderr } = await execa(process.execPath, [`tools/steps/${program}.ts`], {
      cwd: repository,
      env: {
        STRATA_HOME: home,
        DOCKER_CONFIG: home,
        STRATA_OSV_ADDRESS: osv.address,
        ...samplePromotionEnvironment(made.reference, "stable"),
        STRATA_GATE: JSON.stringify({ gate: "high", onlyFixed: false, allow: [], ...gate }),
        STRATA_ATTACHED: attached,
        ...more,
      },
      input: JSON.stringify(made.evidence),
      reject: false,
    });
    return { exitCode, stdout, stderr };
  };
  return { made, osv, attach, step };
}

test("a product that is too bad gets no tag, here and in a copy; the refusal names what is wrong", async (t) => {
  const { made, attach, step } = await open(t);
  const before = pointsAt(made, "stable")?.bytes;
  const attached = await attach("9.0");
  await using target = await startFakeRegistry();
  const copy = { STRATA_TARGET: `${target.host}/${REPOSITORY}`, STRATA_PRODUCT_TAG: "product-starter-1" };
  for (const [program, more] of [["promotion", {}] as const, ["product-copy", copy] as const]) {
    const { exitCode, stdout, stderr } = await step({}, attached, program, more);
    assert.equal(exitCode, 1, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, /CVE-2026-1 \(critical\) in pillow 9\.0, fixed in 10\.0/);
    assert.match(stderr, /Tags stay/);
  }
  assert.deepEqual(pointsAt(made, "stable")?.bytes, before);
  assert.equal(target.content.size, 0);
});

test("a clean product, and one whose faults are allowed, gets its tag; an entry that is over is told", async (t) => {
  const { attach, step } = await open(t);
  const attached = await attach("9.0");
  const entry = { id: "CVE-2026-1", reason: "not reached" };
  const over = await step({ allow: [{ ...entry, expires: "2026-01-01" }] }, attached);
  assert.equal(over.exitCode, 1);
  assert.match(over.stderr, /allowed until 2026-01-01, so no more: CVE-2026-1 \(not reached\)/);
  const allowed = await step({ allow: [{ ...entry, expires: "2999-01-01" }] }, attached);
  assert.equal(allowed.exitCode, 0, allowed.stderr);
  assert.match(allowed.stdout, /:stable$/);
  assert.match(allowed.stderr, /1 known in 1 parts, 1 of them allowed/);
  const clean = await step({}, await attach("10.0"));
  assert.equal(clean.exitCode, 0, clean.stderr);
});

test("a cleaner bill that somebody attached beside it opens no gate", async (t) => {
  const { attach, step } = await open(t);
  const attached = await attach("9.0");
  await attach("10.0");
  const { exitCode, stderr } = await step({}, attached);
  assert.equal(exitCode, 1, stderr);
  const none = await step({}, `${attached.split("@")[0]}@${digest}`);
  assert.equal(none.exitCode, 1);
  assert.match(none.stderr, /has no bill of materials beside it/);
});

test("where nobody can be asked, nothing passes", async (t) => {
  const { attach, step } = await open(t);
  const { exitCode, stderr } = await step({ database: temporaryFolder(t) }, await attach("10.0"));
  // A folder without PyPI's file answers nothing: the one question that there is stays open.
  assert.equal(exitCode, 1, stderr);
  assert.match(stderr, /has 1 packages that .* has no answer for: PyPI, whose all\.zip is not there/);
  const away = await step({}, await attach("10.0"), "promotion", {
    STRATA_OSV_ADDRESS: "http://127.0.0.1:9",
  });
  assert.equal(away.exitCode, 1, away.stderr);
  assert.match(away.stderr, /127\.0\.0\.1:9\/v1\/querybatch: cannot be reached/);
});

/**
 * What trivy asks with `--sbom-sources oci`; its source was read (pkg/fanal/artifact/image/remote_sbom.go and internal/oci of
 * aquasecurity/trivy), not run: the first entry of the list whose `artifactType` it takes, of which it downloads the one
 * layer of that same type, and reads that by what it says of itself.
 */
const trivyTakes = ["application/vnd.cyclonedx+json", "application/spdx+json"];

test("the bill lies beside the image as trivy looks for it: listed by its artifact type, with one layer that is the bill", async (t) => {
  const { made, attach } = await open(t);
  const [, artifact = ""] = (await attach("9.0")).split("@");
  const { content } = made.registry;
  const listed = await listReferrers(made.reference, SPDX_TYPE, quickTransport());
  assert.deepEqual(
    listed.map((each) => each.digest),
    [artifact],
  );
  const documentAt = (key: string) => JSON.parse(content.get(key)?.bytes.toString() ?? assert.fail(key));
  const list: { digest: string; artifactType?: string }[] = documentAt(
    `manifests/${made.evidence.digest.replace(":", "-")}`,
  ).manifests;
  const first = list.find((each) => trivyTakes.includes(each.artifactType ?? ""));
  assert.equal(first?.digest, artifact, "the evidence beside it is none");
  assert.ok(list.length > 1);
  const { artifactType, layers, subject } = documentAt(`manifests/${artifact}`);
  assert.equal(artifactType, first?.artifactType);
  assert.deepEqual(
    layers.map(({ mediaType }: { mediaType: string }) => mediaType),
    [artifactType],
  );
  assert.equal(subject.digest, made.evidence.digest);
  assert.match(documentAt(`blobs/${layers[0].digest}`).spdxVersion, /^SPDX-2\.\d$/);
});
