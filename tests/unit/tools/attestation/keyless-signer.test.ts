import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  namePattern,
  type TrustedSigners,
  verifiedStatement,
} from "../../../../lib/attestation/sigstore-bundle.ts";
import { predicateTypes, statementAbout } from "../../../../lib/attestation/statement.ts";
import { keylessSigner } from "../../../../tools/attestation/keyless-signer.ts";
import { trustedSigners } from "../../../../tools/promotion/trusted-signers.ts";
import { ISSUER, type Sigstore, startSigstore, WORKFLOW } from "../../../support/sigstore.ts";
import { temporaryFolder } from "../../support/folder.ts";

const statement = statementAbout("starter", `sha256:${"a".repeat(64)}`, predicateTypes.provenance, { a: 1 });
const nobody: TrustedSigners = { keys: [] };

let sigstore: Sigstore;
let text: string;
before(async () => {
  sigstore = await startSigstore();
  Object.assign(process.env, sigstore.environment);
  const signer = await keylessSigner({ fulcio: sigstore.url, rekor: sigstore.url }, nobody);
  text = await signer.sign(statement);
});
after(() => sigstore?.close());

async function trusting(
  t: Parameters<typeof temporaryFolder>[0],
  identity: string,
  issuer = ISSUER,
  root = sigstore.root,
) {
  const file = join(temporaryFolder(t), "root.json");
  writeFileSync(file, root);
  return await trustedSigners({ keys: [], identities: [{ identity, issuer }], root: file });
}

test("a run of GitHub's signs without a key: token, certificate and log entry, in a bundle 0.3", () => {
  assert.deepEqual([...sigstore.asked], ["/token", "/api/v2/signingCert", "/api/v1/log/entries"]);
  const { mediaType, verificationMaterial } = JSON.parse(text);
  assert.match(mediaType, /bundle\.v0\.3\+json$/);
  assert.ok(verificationMaterial.certificate.rawBytes);
  assert.equal(verificationMaterial.tlogEntries.length, 1);
});

test("it is believed for the identity and issuer that are trusted, whole or with *", async (t) => {
  for (const identity of [WORKFLOW, WORKFLOW.replace("main", "*")])
    assert.deepEqual(verifiedStatement(text, await trusting(t, identity), "bundle"), statement);
});

test("another workflow, a part of the name, another issuer, another Sigstore and a changed statement are refused", async (t) => {
  const other = await startSigstore();
  t.after(() => other.close());
  const cases: readonly [string, TrustedSigners, string][] = [
    ["another workflow", await trusting(t, WORKFLOW.replace("acme", "evil")), text],
    ["a part", await trusting(t, WORKFLOW.slice(0, -1)), text],
    ["a dot is a dot", await trusting(t, WORKFLOW.replace("a", ".")), text],
    ["another issuer", await trusting(t, WORKFLOW, "https://accounts.example.org"), text],
    ["another Sigstore", await trusting(t, WORKFLOW, ISSUER, other.root), text],
    ["nobody", nobody, text],
    ["no root", { keys: [], identities: [{ identity: WORKFLOW, issuer: ISSUER }] }, text],
  ];
  for (const [name, signers, bundle] of cases)
    assert.throws(() => verifiedStatement(bundle, signers, "bundle"), /not signed by a trusted/, name);
  const changed = JSON.parse(text);
  changed.dsseEnvelope.payload = Buffer.from(JSON.stringify({ ...statement, predicate: { a: 2 } })).toString(
    "base64",
  );
  const signers = await trusting(t, WORKFLOW);
  assert.throws(
    () => verifiedStatement(JSON.stringify(changed), signers, "bundle"),
    /not signed by a trusted/,
  );
  const unlogged = JSON.parse(text);
  unlogged.verificationMaterial.tlogEntries = [];
  assert.throws(
    () => verifiedStatement(JSON.stringify(unlogged), signers, "bundle"),
    /not signed|no Sigstore bundle/,
  );
});

test("a pattern is for all of a name", () => {
  assert.equal(namePattern("https://a.b/x@*"), "^https:\\/\\/a\\.b\\/x@.*$");
});

test("where nobody knows this run, it is said what to do", async () => {
  for (const name of Object.keys(sigstore.environment)) delete process.env[name];
  const signer = await keylessSigner({ fulcio: sigstore.url, rekor: sigstore.url }, nobody);
  await assert.rejects(signer.sign(statement), /id-token: write/);
  Object.assign(process.env, sigstore.environment);
  const deaf = await keylessSigner({ fulcio: "http://127.0.0.1:9", rekor: sigstore.url }, nobody);
  await assert.rejects(deaf.sign(statement), /Fulcio and Rekor can be reached/);
});

test("a trusted root that is none, or is not there, is the user's to mend", async (t) => {
  const file = join(temporaryFolder(t), "root.json");
  const trust = { keys: [], identities: [{ identity: WORKFLOW, issuer: ISSUER }], root: file };
  await assert.rejects(trustedSigners(trust), /cannot be read/);
  writeFileSync(file, "no JSON");
  await assert.rejects(trustedSigners(trust), /is no trusted root/);
});
