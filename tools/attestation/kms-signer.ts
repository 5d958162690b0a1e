import { createHash, createPublicKey } from "node:crypto";
import { GetPublicKeyCommand, KMSClient, SignCommand } from "@aws-sdk/client-kms";
import { UserError } from "../../errors.ts";
import { remoteSigner, type Signer } from "../../lib/attestation/signer.ts";
import { verifyingKey } from "../../lib/attestation/sigstore-bundle.ts";

/** `awskms://[ENDPOINT]/ID`, as cosign has it: sigstore's pkg/signature/kms/aws. */
const form = /^awskms:\/\/([^/]*)\/(.+)$/;

/** A key in AWS KMS, which never leaves it. @param uri `awskms:///alias/strata` */
export async function kmsSigner(uri: string): Promise<Signer> {
  const [, endpoint, id = ""] = form.exec(uri) ?? [];
  // An ARN says its region; AWS's own variables and files say the rest.
  const region = /^arn:[^:]*:kms:([^:]+):/.exec(id)?.[1];
  const client = new KMSClient({
    ...(endpoint && { endpoint: `https://${endpoint}` }),
    ...(region && { region }),
  });
  const { PublicKey: der } = await asked(uri, client.send(new GetPublicKeyCommand({ KeyId: id })));
  const pem = createPublicKey({ key: Buffer.from(der ?? []), format: "der", type: "spki" });
  const key = verifyingKey(pem.export({ type: "spki", format: "pem" }).toString(), uri);
  return remoteSigner(key, async (bytes) => {
    const { Signature } = await asked(
      uri,
      client.send(
        new SignCommand({
          KeyId: id,
          Message: createHash("sha256").update(bytes).digest(),
          MessageType: "DIGEST",
          SigningAlgorithm: "ECDSA_SHA_256",
        }),
      ),
    );
    return Buffer.from(Signature ?? []);
  });
}

async function asked<T>(uri: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { name, message } = error as Error;
    throw new UserError(
      uri,
      `AWS KMS refuses: ${name}: ${message}`,
      "It has to be a key for SIGN_VERIFY, ECC_NIST_P256, with kms:GetPublicKey and kms:Sign for this user.",
    );
  }
}
