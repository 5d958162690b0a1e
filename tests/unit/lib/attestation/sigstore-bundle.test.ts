import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import {
  keyName,
  signedBundle,
  signingKey,
  verifiedStatement,
  verifyingKey,
} from "../../../../lib/attestation/sigstore-bundle.ts";
import { predicateTypes, statementAbout } from "../../../../lib/attestation/statement.ts";
import { signingPair } from "../../../support/signing.ts";

const digest = `sha256:${"a".repeat(64)}`;
const statement = statementAbout("starter", digest, predicateTypes.sbom, { spdxVersion: "SPDX-2.3" });
const own = signingPair();
const other = signingPair();
const key = signingKey(own.privateKey, "key");
const trusted = [verifyingKey(own.publicKey, "public key")];
const text = signedBundle(statement, key);

test("a bundle is read back by its key, off line, among others that are trusted too", () => {
  assert.deepEqual(verifiedStatement(text, { keys: trusted }, "bundle"), statement);
  const both = [verifyingKey(other.publicKey, "other"), ...trusted];
  assert.deepEqual(verifiedStatement(text, { keys: both }, "bundle"), statement);
});

test("it is a bundle 0.3 whose signature has no key id, or cosign finds none, and whose hint is the key's name", () => {
  const bundle = JSON.parse(text);
  assert.equal(bundle.mediaType, "application/vnd.dev.sigstore.bundle.v0.3+json");
  assert.equal(bundle.dsseEnvelope.signatures[0].keyid ?? "", "");
  assert.equal(bundle.verificationMaterial.publicKey.hint, keyName(trusted[0] ?? key));
  assert.equal(bundle.dsseEnvelope.payloadType, "application/vnd.in-toto+json");
});

test("another key, another payload, another signature and another form are refused", () => {
  const changed = (change: (bundle: ReturnType<typeof JSON.parse>) => void) => {
    const bundle = JSON.parse(text);
    change(bundle);
    return JSON.stringify(bundle);
  };
  const forged = Buffer.from(JSON.stringify({ ...statement, predicateType: predicateTypes.provenance }));
  const cases: Record<string, [string, RegExp]> = {
    payload: [
      changed((bundle) => {
        bundle.dsseEnvelope.payload = forged.toString("base64");
      }),
      /not signed by a trusted key/,
    ],
    signature: [
      changed((bundle) => {
        bundle.dsseEnvelope.signatures[0].sig = JSON.parse(
          signedBundle(statement, signingKey(other.privateKey, "other")),
        ).dsseEnvelope.signatures[0].sig;
      }),
      /not signed by a trusted key/,
    ],
    unsigned: [
      changed((bundle) => {
        bundle.dsseEnvelope.signatures = [];
      }),
      /no Sigstore bundle|not signed/,
    ],
    type: [
      changed((bundle) => {
        bundle.dsseEnvelope.payloadType = "text/plain";
      }),
      /holds no in-toto statement/,
    ],
    json: ["no JSON", /is no Sigstore bundle/],
  };
  for (const [name, [bundle, problem]] of Object.entries(cases))
    assert.throws(() => verifiedStatement(bundle, { keys: trusted }, "bundle"), problem, name);
  assert.throws(
    () => verifiedStatement(text, { keys: [verifyingKey(other.publicKey, "other")] }, "bundle"),
    /not signed by a trusted key/,
  );
  assert.throws(() => verifiedStatement(text, { keys: [] }, "bundle"), /not signed by a trusted key/);
});

test("keys that are none, of another kind or of the other half are told apart", () => {
  assert.throws(() => signingKey("nonsense", "strata.key"), /strata\.key.*is no private key/s);
  assert.throws(() => verifyingKey("nonsense", "strata.pub"), /is no public key in PEM/);
  assert.throws(
    () => verifyingKey(own.privateKey, "strata.pub"),
    /is a private key, and a public one is wanted/,
  );
  const encoding = { type: "pkcs8", format: "pem" } as const;
  const rsa = generateKeyPairSync("ed25519").privateKey.export(encoding).toString();
  assert.throws(() => signingKey(rsa, "strata.key"), /not a key on the curve P-256/);
});
