/** What the step SmokeTest leaves of an image that it does not run, and of evidence that was lost. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { repository } from "../../../../home.ts";
import type { Evidence } from "../../../../lib/evidence/evidence.ts";
import { listReferrers } from "../../../../oci/read/referrers.ts";
import { acceptEvidence } from "../../../../tools/promotion/accepted-evidence.ts";
import {
  evidenceTypes,
  findEvidence,
  storedEvidence,
  storeEvidence,
} from "../../../../tools/promotion/evidence-store.ts";
import { checksKey, daysAgo, evidenceFor, onGpu } from "../../../support/evidence.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { quickTransport } from "../../oci/support/transport.ts";
import { temporaryFolder } from "../../support/folder.ts";

const description = {
  hosts: [{ kind: "builder" }],
  computeCapabilities: [],
  minimumDriver: "580.65.06",
  budget: { dollars: 5, minutes: 45 },
};

/** An image in a registry, and the step as Pulumi runs it. */
async function setting(t: TestContext, architecture: string) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const { digest } = registry.image("tested", [], { architecture, os: "linux" });
  const reference = `${registry.host}/${REPOSITORY}@${digest}`;
  const home = temporaryFolder(t);
  const smoke = async (more: Record<string, string> = {}) => {
    const { exitCode, stdout, stderr } = await execa(process.execPath, ["tools/steps/smoke-test.ts"], {
      cwd: repository,
      env: {
        STRATA_HOME: home,
        DOCKER_CONFIG: home,
        STRATA_REFERENCE: reference,
        STRATA_TEST: JSON.stringify(description),
        STRATA_CHECKS: checksKey,
        STRATA_RECIPE: "starter",
        STRATA_GENERATION: "cpu",
        STRATA_BUILDER: "none",
        ...more,
      },
      reject: false,
    });
    return { exitCode, stdout, stderr };
  };
  const kept = (): Evidence =>
    JSON.parse(readFileSync(join(home, "evidence", `${digest.replace(":", "-")}.json`), "utf8"));
  return { registry, reference, digest, smoke, kept };
}

test("an image that is refused by what its registry tells leaves evidence, which outvotes every older pass", async (t) => {
  const { reference, registry, digest, smoke, kept } = await setting(t, "arm64");
  const passed = evidenceFor(reference, { startedAt: daysAgo(9), ...onGpu });
  await storeEvidence(passed, quickTransport());
  const { exitCode, stdout, stderr } = await smoke();
  assert.equal(exitCode, 1, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /evidence: stored with the image as sha256:\w+\n[\s\S]*fail 00-image\.platform: /);
  const [newest] = await storedEvidence(reference, quickTransport());
  assert.deepEqual(newest?.evidence, kept());
  const { verdict, host, gpu, due } = newest?.evidence ?? assert.fail();
  assert.deepEqual([verdict, host, gpu], ["fail", { kind: "registry", name: registry.host }, null]);
  assert.ok(due.includes("10-imports"), "what did not run is due all the same");
  for (const host of ["any", "gpu"] as const) {
    assert.equal(await findEvidence(reference, { checksKey, host }, quickTransport()), null);
    const terms = { checksKey, maxAgeDays: 30, host };
    await assert.rejects(
      acceptEvidence(reference, JSON.stringify(passed), terms, quickTransport()),
      new RegExp(`${digest}: a newer test failed, on .* \\(registry ${registry.host}, sha256`),
    );
  }
});

test("evidence of this clone that somebody wrote over in the list is in it again with the next run", async (t) => {
  const { reference, registry, digest, smoke, kept } = await setting(t, "arm64");
  await smoke();
  const list = `manifests/${digest.replace(":", "-")}`;
  assert.ok(registry.content.delete(list));
  assert.deepEqual(await listReferrers(reference, evidenceTypes, quickTransport()), []);
  const lost = kept();
  await smoke();
  const found = await storedEvidence(reference, quickTransport());
  assert.equal(found.length, 2);
  assert.deepEqual(found.at(-1)?.evidence, lost);
});
