/** Writing documents to a registry: an artifact is a manifest around one blob, about another manifest or for itself. */
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import { Transport } from "../access/transport.ts";
import { type Content, descriptorOf } from "../blob-digest.ts";
import { type Descriptor, INDEX_TYPE, MANIFEST_TYPE, Manifest } from "../manifest.ts";
import { fallbackTag, listInTag, withDigest } from "../read/referrers.ts";
import { readManifest, type StoredManifest } from "../read/stored-manifest.ts";
import { formatReference, type Reference } from "../references.ts";
import { putBlob, putManifest } from "./put.ts";

/** What an artifact is made of. The same parts always make the same bytes, hence the same digest. */
export interface Artifact {
  /** `application/vnd.strata.evidence.v3+json` */
  readonly artifactType: string;
  /** A small document. */
  readonly payload: Content;
  readonly annotations: Readonly<Record<string, string>>;
  /** The manifest that it is about. */
  readonly subject?: Descriptor;
}

/** An artifact has no configuration: https://github.com/opencontainers/image-spec/blob/main/manifest.md */
const EMPTY: Content = { mediaType: "application/vnd.oci.empty.v1+json", bytes: Buffer.from("{}") };

/** The manifest of an artifact, byte for byte. */
export function artifactManifest({ artifactType, payload, annotations, subject }: Artifact): Content {
  const document = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType,
    config: descriptorOf(EMPTY),
    layers: [descriptorOf(payload)],
    ...(subject && { subject }),
    annotations: Object.fromEntries(Object.entries(annotations).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
  return { mediaType: MANIFEST_TYPE, bytes: Buffer.from(JSON.stringify(document)) };
}

/** Sends the blobs of an artifact; its manifest can be stored then. */
export async function putArtifactBlobs(
  transport: Transport,
  target: Reference,
  { payload }: Artifact,
): Promise<void> {
  await putBlob(transport, target, EMPTY);
  await putBlob(transport, target, payload);
}

/** The descriptor of a manifest, as an artifact about it names it. */
export function subjectOf({ mediaType, digest, bytes }: StoredManifest): Descriptor {
  return { mediaType, digest, size: bytes.length };
}

/** So often a list is written that somebody else writes at the same time. */
const ATTEMPTS = 5;

/**
 * Attaches an artifact to a manifest. The same artifact attached twice is one.
 *
 * @param reference what it is about, `repository@sha256:…`
 * @returns the digest of the artifact's manifest
 * @throws UserError when the registry refuses, or has no such image.
 */
export async function attachArtifact(
  reference: string,
  artifact: Omit<Artifact, "subject">,
  transport = new Transport(),
): Promise<string> {
  const { target, digest } = withDigest(reference);
  const subject = subjectOf(await readManifest(transport, target, digest));
  const attached = { ...artifact, subject };
  await putArtifactBlobs(transport, target, attached);
  return await putReferrer(transport, target, artifactManifest(attached));
}

/**
 * Stores the manifest of an artifact whose blobs are there, and makes sure that it is found by its subject.
 *
 * @returns its digest
 */
export async function putReferrer(
  transport: Transport,
  target: Reference,
  manifest: Content,
): Promise<string> {
  const { subject, artifactType, annotations, config } = Manifest.parse(
    JSON.parse(manifest.bytes.toString("utf8")),
  );
  const descriptor = descriptorOf(manifest);
  const headers = await putManifest(transport, target, descriptor.digest, manifest);
  // A registry with the referrers API says so here; any other leaves the list to us.
  if (!subject || headers.get("oci-subject")) return descriptor.digest;
  const entry: Descriptor = {
    ...descriptor,
    artifactType: artifactType ?? config.mediaType,
    ...(annotations && { annotations }),
  };
  const name = formatReference({ ...target, digest: subject.digest });
  let seen = 0;
  for (let writes = 0; ; ) {
    const listed = await listInTag(transport, target, subject.digest);
    if (listed.some(({ digest }) => digest === descriptor.digest)) {
      // Whoever read the list before us writes over it a moment after: only a second look, later, tells.
      if (writes === 0 || ++seen > 1) return descriptor.digest;
      await transport.pause(2);
      continue;
    }
    if (writes++ >= ATTEMPTS) break;
    seen = 0;
    const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...listed, entry] };
    const bytes = Buffer.from(JSON.stringify(index));
    await putManifest(transport, target, fallbackTag(subject.digest), { mediaType: INDEX_TYPE, bytes });
    // Two who write over each other do not go on in step.
    if (writes > 1) await sleep(50 * writes * Math.random());
  }
  throw new UserError(
    name,
    "others keep changing the list of what is attached to it.",
    "Run the same command again.",
  );
}
