import type { Signer } from "../../lib/attestation/signer.ts";
import { BUNDLE_TYPE } from "../../lib/attestation/sigstore-bundle.ts";
import { IN_TOTO_TYPE, type Statement } from "../../lib/attestation/statement.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { attachArtifact } from "../../oci/write/put-artifact.ts";
import { inRepository } from "../promotion/evidence-store.ts";
import { keepDigest } from "../promotion/keep-digest.ts";
import { storedStatements } from "../promotion/stored-statements.ts";

/** https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md: what BuildKit calls it on a layer. */
export const PREDICATE_ANNOTATION = "in-toto.io/predicate-type";

/** Attaches a document to an image, once. @returns its reference */
export async function attachDocument(
  reference: string,
  { type, text, annotations = {} }: Document,
  transport: Transport,
): Promise<string> {
  const payload = { mediaType: type, bytes: Buffer.from(text) };
  const artifact = inRepository(
    reference,
    await attachArtifact(reference, { artifactType: type, payload, annotations }, transport),
  );
  await keepDigest(artifact, transport);
  return artifact;
}

interface Document {
  readonly type: string;
  readonly text: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * A statement that is signed, unless one of the same signer says the same already: a signature is another one each time.
 *
 * @returns its reference
 */
export async function attachSigned(
  reference: string,
  statement: Statement,
  signer: Signer,
  transport: Transport,
): Promise<string> {
  const same = canonicalJson(statement);
  const { verified } = await storedStatements(reference, signer.own, transport);
  const there = verified.find((each) => canonicalJson(each.statement) === same);
  if (there) return there.artifact;
  const annotations = {
    "dev.sigstore.bundle.content": "dsse-envelope",
    "dev.sigstore.bundle.predicateType": statement.predicateType,
  };
  return await attachDocument(
    reference,
    { type: BUNDLE_TYPE, text: await signer.sign(statement), annotations },
    transport,
  );
}

/** A statement as it is, without a signature: for who trusts the registry. */
export function unsigned(statement: Statement): Document {
  return {
    type: IN_TOTO_TYPE,
    text: canonicalJson(statement),
    annotations: { [PREDICATE_ANNOTATION]: statement.predicateType },
  };
}
