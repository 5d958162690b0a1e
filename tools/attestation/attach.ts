import type { Signer } from "../../lib/attestation/signer.ts";
import { BUNDLE_TYPE } from "../../lib/attestation/sigstore-bundle.ts";
import { IN_TOTO_TYPE, type Statement } from "../../lib/attestation/statement.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { type Artifact, attachArtifacts } from "../../oci/write/put-artifact.ts";
import { inRepository } from "../promotion/evidence-store.ts";
import { keepDigest } from "../promotion/keep-digest.ts";
import { storedStatements } from "../promotion/stored-statements.ts";

/** https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md: what BuildKit calls it on a layer. */
export const PREDICATE_ANNOTATION = "in-toto.io/predicate-type";

/** Attaches a document to an image, once. @returns its reference */
export async function attachDocument(
  reference: string,
  document: Document,
  transport: Transport,
): Promise<string> {
  const [artifact = ""] = await attachDocuments(reference, [document], transport);
  return artifact;
}

/**
 * Attaches documents to an image, each once and all at once: whether a list in a tag stays, after others may have written it,
 * takes a second to see.
 *
 * @param given what is to be attached, or the reference of what is
 * @returns their references, in order
 */
export async function attachDocuments(
  reference: string,
  given: readonly (Document | string)[],
  transport: Transport,
): Promise<string[]> {
  const artifacts = given.filter((each) => typeof each !== "string").map(asArtifact);
  const digests = artifacts.length > 0 ? await attachArtifacts(reference, artifacts, transport) : [];
  const attached = digests.map((digest) => inRepository(reference, digest));
  for (const artifact of attached) await keepDigest(artifact, transport);
  return given.map((each) => (typeof each === "string" ? each : (attached.shift() ?? "")));
}

function asArtifact({ type, text, annotations = {} }: Document): Omit<Artifact, "subject"> {
  const payload = { mediaType: type, bytes: Buffer.from(text) };
  return { artifactType: type, payload, annotations };
}

/** What is to lie beside an image. */
export interface Document {
  readonly type: string;
  readonly text: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Attaches a statement that is signed, unless one of the same signer says the same already. @returns its reference */
export async function attachSigned(
  reference: string,
  statement: Statement,
  signer: Signer,
  transport: Transport,
): Promise<string> {
  const signed = await signedStatements(reference, [statement], signer, transport);
  const [artifact = ""] = await attachDocuments(reference, signed, transport);
  return artifact;
}

/**
 * Statements, signed to be attached; of what the same signer has said already, the reference: a signature is another one
 * each time.
 */
export async function signedStatements(
  reference: string,
  statements: readonly Statement[],
  signer: Signer,
  transport: Transport,
): Promise<(Document | string)[]> {
  const { verified } = await storedStatements(reference, signer.own, transport);
  const there = new Map(
    verified.map(({ artifact, statement }) => [canonicalJson(statement), artifact] as const),
  );
  const signed: (Document | string)[] = [];
  for (const statement of statements)
    signed.push(there.get(canonicalJson(statement)) ?? (await signedDocument(statement, signer)));
  return signed;
}

async function signedDocument(statement: Statement, signer: Signer): Promise<Document> {
  const annotations = {
    "dev.sigstore.bundle.content": "dsse-envelope",
    "dev.sigstore.bundle.predicateType": statement.predicateType,
  };
  return { type: BUNDLE_TYPE, text: await signer.sign(statement), annotations };
}

/** A statement as it is, without a signature: for who trusts the registry. */
export function unsigned(statement: Statement): Document {
  return {
    type: IN_TOTO_TYPE,
    text: canonicalJson(statement),
    annotations: { [PREDICATE_ANNOTATION]: statement.predicateType },
  };
}
