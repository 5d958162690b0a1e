/** Writing documents to a registry: an artifact is a manifest around one blob, about another manifest or for itself. */
import { UserError } from "../../errors.ts";
import { Transport } from "../access/transport.ts";
import { type Content, descriptorOf } from "../blob-digest.ts";
import { type Descriptor, INDEX_TYPE, MANIFEST_TYPE, Manifest } from "../manifest.ts";
import { listInTag, type TagList, withDigest } from "../read/referrers.ts";
import { readManifest, type StoredManifest } from "../read/stored-manifest.ts";
import { formatReference, type Reference } from "../references.ts";
import { putBlob, putManifest } from "./put.ts";
import { addToShared } from "./shared-document.ts";

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
  const isKept = await addToShared<TagList>({
    read: () => listInTag(transport, target, subject.digest),
    has: ({ manifests }) => manifests.some(({ digest }) => digest === descriptor.digest),
    write: async ({ tag, manifests }) => {
      const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...manifests, entry] };
      const bytes = Buffer.from(JSON.stringify(index));
      await putManifest(transport, target, tag, { mediaType: INDEX_TYPE, bytes });
    },
    settle: (took) => transport.settle(took),
    stagger: (writes) => transport.stagger(writes),
  });
  if (isKept) return descriptor.digest;
  throw new UserError(
    formatReference({ ...target, digest: subject.digest }),
    "others keep changing the list of what is attached to it.",
    "Run the same command again.",
  );
}
