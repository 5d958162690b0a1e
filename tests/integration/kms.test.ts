/** Signing by a key of AWS KMS, on moto's: the key never leaves it, and its public half verifies what it signed. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { after, before, test } from "node:test";
import { CreateAliasCommand, CreateKeyCommand, GetPublicKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { keyName, verifiedStatement, verifyingKey } from "../../lib/attestation/sigstore-bundle.ts";
import { predicateTypes, statementAbout } from "../../lib/attestation/statement.ts";
import { kmsSigner } from "../../tools/attestation/kms-signer.ts";
import { findMoto, type Moto, startMoto } from "./support/moto.ts";

const { folder, missing: skip = false } = await findMoto();
const statement = statementAbout("starter", `sha256:${"a".repeat(64)}`, predicateTypes.provenance, { a: 1 });

let moto: Moto;
let pem: string;
let arn: string;
before(async () => {
  if (skip) return;
  moto = await startMoto(folder);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: moto.url,
    AWS_ACCESS_KEY_ID: "nobody",
    AWS_SECRET_ACCESS_KEY: "nothing",
    AWS_REGION: "eu-central-1",
  });
  arn = await makeKey("strata", "ECC_NIST_P256");
  const { PublicKey } = await new KMSClient({}).send(new GetPublicKeyCommand({ KeyId: "alias/strata" }));
  const key = createPublicKey({ key: Buffer.from(PublicKey ?? []), format: "der", type: "spki" });
  pem = key.export({ type: "spki", format: "pem" }).toString();
});
after(() => moto?.close());

async function makeKey(name: string, spec: "ECC_NIST_P256" | "ECC_NIST_P384"): Promise<string> {
  const kms = new KMSClient({});
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ KeySpec: spec, KeyUsage: "SIGN_VERIFY" }));
  await kms.send(new CreateAliasCommand({ AliasName: `alias/${name}`, TargetKeyId: KeyMetadata?.KeyId }));
  return KeyMetadata?.Arn ?? "";
}

test("a key by its alias and by its ARN signs what its public half verifies", {
  skip,
}, async () => {
  for (const uri of ["awskms:///alias/strata", `awskms:///${arn}`]) {
    const signer = await kmsSigner(uri);
    const text = await signer.sign(statement);
    assert.deepEqual(verifiedStatement(text, { keys: [verifyingKey(pem, "pem")] }, "bundle"), statement);
    assert.deepEqual(verifiedStatement(text, signer.own, "bundle"), statement);
    const { verificationMaterial, dsseEnvelope } = JSON.parse(text);
    assert.equal(verificationMaterial.publicKey.hint, keyName(verifyingKey(pem, "pem")));
    // cosign finds no signature with another.
    assert.ok(!dsseEnvelope.signatures[0].keyid);
  }
  const asked = moto.asked.map(({ name }) => name);
  assert.deepEqual(asked.slice(-4), ["GetPublicKey", "Sign", "GetPublicKey", "Sign"]);
});

test("an ARN says its region, whatever this machine's is", { skip }, async () => {
  process.env.AWS_REGION = "us-west-2";
  const signer = await kmsSigner(`awskms:///${arn}`);
  assert.deepEqual(
    verifiedStatement(await signer.sign(statement), { keys: [verifyingKey(pem, "pem")] }, "b"),
    statement,
  );
  await assert.rejects(kmsSigner("awskms:///alias/strata"), /AWS KMS refuses: NotFoundException/);
  process.env.AWS_REGION = "eu-central-1";
});

test("a key on another curve, and none at all, are refused before anything is signed", { skip }, async () => {
  await makeKey("large", "ECC_NIST_P384");
  await assert.rejects(kmsSigner("awskms:///alias/large"), /is not a key on the curve P-256/);
  await assert.rejects(kmsSigner("awskms:///alias/nobody"), /AWS KMS refuses: NotFoundException/);
});
