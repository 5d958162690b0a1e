import { canonicalJson } from "../../lib/canonical-json.ts";
import { type Evidence, parseEvidence } from "../../lib/evidence/evidence.ts";
import {
  decisive,
  type EvidenceTerms,
  type Objection,
  objection,
} from "../../lib/evidence/evidence-terms.ts";
import { Transport } from "../../oci/access/transport.ts";
import { digestOf } from "../../oci/blob-digest.ts";
import { readArtifact, type StoredArtifact } from "../../oci/read/artifact.ts";
import { imageExists } from "../../oci/read/image.ts";
import { listReferrers } from "../../oci/read/referrers.ts";
import { readManifest } from "../../oci/read/stored-manifest.ts";
import { formatReference, parseReference } from "../../oci/references.ts";
import {
  type Artifact,
  artifactManifest,
  attachArtifact,
  putReferrer,
  subjectOf,
} from "../../oci/write/put-artifact.ts";
import { keepDigest } from "./keep-digest.ts";

/** Evidence of any version begins so. */
export const evidenceTypes = "application/vnd.strata.evidence.";

/** Evidence in the registry, and the digest under which it lies there. */
export interface StoredEvidence {
  readonly digest: string;
  readonly evidence: Evidence;
}

/** What is looked for; what is left out does not matter. */
export interface EvidenceQuery {
  readonly checksKey: string;
  readonly hostKinds?: readonly Evidence["host"]["kind"][] | undefined;
  readonly host?: EvidenceTerms["host"] | undefined;
  readonly maxAgeDays?: number | undefined;
  /** Milliseconds since 1970. @default this moment */
  readonly now?: number;
}

/**
 * Attaches evidence to the image that it is about. The same evidence is stored once, all other evidence stays.
 *
 * @returns the digest of the artifact, by which promotion reads it again
 */
export async function storeEvidence(evidence: Evidence, transport = new Transport()): Promise<string> {
  const artifact = await attachArtifact(evidence.reference, artifactOf(evidence), transport);
  await keepDigest(evidence.reference, transport);
  await keepDigest(inRepository(evidence.reference, artifact), transport);
  return artifact;
}

/**
 * The evidence that decides about this image, where it is a pass and passes by the wish; null where there is none, or
 * where a newer test failed. What cannot be read, as it is of another version or was changed, is no evidence.
 *
 * @param reference `repository@sha256:…`
 */
export async function findEvidence(
  reference: string,
  wish: EvidenceQuery,
  transport = new Transport(),
): Promise<StoredEvidence | null> {
  const { digest = "" } = parseReference(reference);
  const {
    checksKey,
    hostKinds,
    host = "any",
    maxAgeDays = Number.POSITIVE_INFINITY,
    now = Date.now(),
  } = wish;
  const terms = { digest, checksKey, maxAgeDays, host, now };
  const newest = decisive(await storedEvidence(reference, transport), terms, hostKinds);
  return newest && !objection(newest.evidence, terms) ? newest : null;
}

/** Everything that was found about an image, newest first; `evidence` is absent where it is of another version. */
export async function storedEvidence(
  reference: string,
  transport = new Transport(),
): Promise<{ digest: string; evidence?: Evidence }[]> {
  const descriptors = await listReferrers(reference, evidenceTypes, transport);
  const results = await Promise.allSettled(
    descriptors.map(({ digest }) => readArtifact(inRepository(reference, digest), transport)),
  );
  const artifacts = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  // One that is damaged does not hide the others; a registry that gives none of them has a problem to be told of.
  const failed = results.find((result) => result.status === "rejected");
  if (failed && artifacts.length === 0) throw failed.reason;
  const read = artifacts.map(({ digest, payload }) => {
    const evidence = readableEvidence(payload, digest);
    return evidence ? { digest, evidence } : { digest };
  });
  const start = (evidence: Evidence | undefined) => Date.parse(evidence?.startedAt ?? "") || 0;
  return read.toSorted((a, b) => start(b.evidence) - start(a.evidence));
}

/**
 * The artifact that this evidence is stored as beside an image: nobody can change one without the other.
 *
 * @param reference the image, which may be a copy of the one that was tested
 * @throws UserError when the image is not in the registry.
 */
export async function digestOfEvidence(
  evidence: Evidence,
  reference: string,
  transport: Transport,
): Promise<string> {
  const subject = subjectOf(await readManifest(transport, parseReference(reference), evidence.digest));
  return digestOf(artifactManifest({ ...artifactOf(evidence), subject }).bytes);
}

/** Reads the evidence that lies beside an image as `artifact`, byte for byte this one; else says why it is not. */
export async function forged(
  evidence: Evidence,
  reference: string,
  artifact: string,
  transport: Transport,
): Promise<Objection | undefined> {
  const stored = inRepository(reference, artifact);
  if (await imageExists(stored, transport)) {
    const { payload } = await readArtifact(stored, transport);
    if (payload.equals(payloadOf(evidence))) return undefined;
  }
  return {
    problem: `this evidence is not stored with the image (as ${artifact}).`,
    remedy: "Somebody changed it, or it was never stored. Test again: make up RETEST=1.",
  };
}

/**
 * Makes sure that evidence which lies in the registry is found with its image: where clients keep the list of what is
 * attached, somebody who was slow may have written over it since.
 *
 * @returns whether it had to be put back
 */
export async function listAgain(reference: string, artifact: string, transport: Transport): Promise<boolean> {
  const listed = await listReferrers(reference, evidenceTypes, transport);
  if (listed.some(({ digest }) => digest === artifact)) return false;
  const target = parseReference(inRepository(reference, artifact));
  const { mediaType, bytes } = await readManifest(transport, target, artifact);
  await putReferrer(
    transport,
    { registry: target.registry, repository: target.repository },
    { mediaType, bytes },
  );
  return true;
}

/** Reads evidence of this version; undefined for any other. */
export function readableEvidence(payload: StoredArtifact["payload"], path: string): Evidence | undefined {
  try {
    return parseEvidence(payload.toString("utf8"), path);
  } catch {
    return undefined;
  }
}

export function inRepository(reference: string, digest: string): string {
  const { registry, repository } = parseReference(reference);
  return formatReference({ registry, repository, digest });
}

function artifactOf(evidence: Evidence): Omit<Artifact, "subject"> {
  const mediaType = `${evidenceTypes}v${evidence.schema}+json`;
  return {
    artifactType: mediaType,
    payload: { mediaType, bytes: payloadOf(evidence) },
    // For people who look at the registry; decisions are made on the document.
    annotations: {
      "org.opencontainers.image.created": evidence.startedAt,
      "strata.verdict": evidence.verdict,
      "strata.checks": evidence.checksKey,
      "strata.host": evidence.host.kind,
      ...(evidence.gpu && { "strata.gpu": evidence.gpu.name }),
    },
  };
}

function payloadOf(evidence: Evidence): Buffer {
  return Buffer.from(canonicalJson(evidence));
}
