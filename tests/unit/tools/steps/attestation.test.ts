/** What an update states of its image of models: the step as the component Attestation starts it, on a registry. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { parseConfig } from "../../../../config.ts";
import { repository } from "../../../../home.ts";
import { verifyingKey } from "../../../../lib/attestation/sigstore-bundle.ts";
import { statedStages } from "../../../../lib/attestation/slsa-provenance.ts";
import { predicateTypes } from "../../../../lib/attestation/statement.ts";
import type { Bill } from "../../../../lib/bill/component.ts";
import { planStack } from "../../../../recipes/stack-plan.ts";
import { storedBill } from "../../../../tools/attestation/stored-bill.ts";
import { sessionsIn } from "../../../../tools/promotion/sessions.ts";
import { storedStatements } from "../../../../tools/promotion/stored-statements.ts";
import { sampleLabels } from "../../../support/layers.ts";
import { signingPair } from "../../../support/signing.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { quickTransport } from "../../oci/support/transport.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { promoting } from "../promotion/support/promoting.ts";

const vae = "models/vae/wan_2.1_vae.safetensors";
const stageDigest = `sha256:${"d".repeat(64)}`;

/** The bill of a stack that has its one model in an image of its own, of a commit and a generation. */
function billOf(revision: string, generation: string): Bill {
  const config = parseConfig({
    "strata:recipe": "wan22",
    "strata:generation": generation,
    "strata:models": JSON.stringify({ strategy: "image", only: [vae] }),
  });
  const { bill } = planStack(
    config,
    { root: repository, localImages: "none.json" },
    { ...sampleLabels, revision },
  );
  // Of a product whose stages are in no registry here.
  return { ...bill, components: [], inProduct: [], stages: bill.stages.filter(({ bulk }) => bulk) };
}

const pair = signingPair();
const signers = { keys: [verifyingKey(pair.publicKey, "own")] };
const trust = { keys: [pair.publicKey], identities: [], predicates: ["sbom", "provenance", "evidence"] };

async function open(t: TestContext) {
  const made = await promoting(t);
  const models = (await made.image("models")).reference;
  const home = temporaryFolder(t);
  const attest = async (bill: Bill) => {
    const file = join(home, "bill.json");
    writeFileSync(file, JSON.stringify(bill));
    const { stdout, stderr, exitCode } = await execa(process.execPath, ["tools/steps/attestation.ts"], {
      cwd: repository,
      env: {
        STRATA_HOME: home,
        DOCKER_CONFIG: home,
        STRATA_REFERENCE: made.reference,
        STRATA_LIBRARY: models,
        STRATA_STAGES: JSON.stringify(
          Object.fromEntries(bill.stages.map(({ name }) => [name, `${made.name}@${stageDigest}`])),
        ),
        STRATA_BILL: file,
        STRATA_BUILDER: "none",
        STRATA_SIGN_KEY: pair.privateKey,
      },
      input: JSON.stringify(made.evidence),
      reject: false,
    });
    assert.equal(exitCode, 0, stderr);
    return stdout.split("\n");
  };
  return { made, models, home, attest };
}

test("the image of models has a bill and a provenance, signed: each model by its hash, and no word of a base", async (t) => {
  const { models, attest } = await open(t);
  const bill = billOf("f".repeat(40), "ada");
  const [stage = ""] = bill.library?.stages ?? [];
  const attached = await attest(bill);
  const stored = await storedBill(models, quickTransport(), attached);
  const [model] = bill.library?.components ?? [];
  assert.equal(bill.library?.components.length, 1);
  assert.deepEqual(
    stored.packages.map(({ name, checksums }) => [name, checksums?.[0]?.checksumValue]),
    [
      ["wan22-library", models.split("sha256:")[1]],
      [vae, model?.hashes?.[0]?.replace("sha256:", "")],
    ],
  );
  assert.match(stored.packages[1]?.externalRefs?.[0]?.referenceLocator ?? "", /^pkg:/);
  assert.ok(!stored.relationships.some(({ relationshipType }) => relationshipType === "DESCENDANT_OF"));
  const { verified } = await storedStatements(models, signers, quickTransport());
  const types = verified.map(({ statement }) => statement.predicateType).sort();
  assert.deepEqual(types, [predicateTypes.provenance, predicateTypes.sbom].sort());
  const provenance = verified.find(({ statement }) => statement.predicateType === predicateTypes.provenance);
  const stages = statedStages(provenance?.statement ?? assert.fail())?.stages;
  assert.deepEqual(
    [...(stages ?? [])].map(([name, { digest }]) => [name, digest]),
    [[stage, stageDigest]],
  );
});

test("the same models of another commit and another generation are stated once", async (t) => {
  const { models, attest } = await open(t);
  const about = (lines: readonly string[]) => lines.slice(-4);
  const first = about(await attest(billOf("f".repeat(40), "ada")));
  assert.deepEqual(about(await attest(billOf("e".repeat(40), "cpu"))), first);
  const { verified } = await storedStatements(models, signers, quickTransport());
  assert.equal(verified.length, 2);
});

test("a copy takes along what is stated of the models, and nothing goes where that is not signed by whom the stack trusts", async (t) => {
  const { made, models, home, attest } = await open(t);
  await attest(billOf("f".repeat(40), "ada"));
  await using target = await startFakeRegistry();
  const name = `${target.host}/${REPOSITORY}`;
  const copy = (reference: string) =>
    made.run(
      made.evidence,
      { STRATA_TRUST: JSON.stringify(trust) },
      {
        target: { repository: name, tag: "product-wan22-1" },
        library: { reference, tag: "product-wan22-library-1" },
        sessions: sessionsIn(join(home, "uploads")),
      },
    );
  const foreign = await copy((await made.image("foreign models")).reference);
  assert.equal(foreign.code, 1);
  assert.match(foreign.stderr, /has no bill of materials, no provenance signed by a key of strata:trust/);
  assert.equal(target.content.size, 0);
  const { code, stderr } = await copy(models);
  assert.equal(code, 0, stderr);
  const { verified } = await storedStatements(`${name}@${models.split("@")[1]}`, signers, quickTransport());
  assert.equal(verified.length, 2);
});
