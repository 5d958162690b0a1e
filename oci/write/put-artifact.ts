/** Writing documents to a registry: an artifact is a manifest around one blob, about another manifest or for itself. */
import { UserError } from "../../errors.ts";
import { Transport } from "../access/transport.ts";
import { type Content, descriptorOf } from "../blob-digest.ts";
import { type Descriptor, INDEX_TYPE, MANIFEST_TYPE, Manifest } from "../manifest.ts";
import { EMPTY_TYPE, listInTag, type TagList, withDigest } from "../read/referrers.ts";
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
const EMPTY: Content = { mediaType: EMPTY_TYPE, bytes: Buffer.from("{}") };

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
  const [digest = ""] = await attachArtifacts(reference, [artifact], transport);
  return digest;
}

/** Attaches several at once: where the registry keeps no list, ours is written once. @returns their digests, in order */
export async function attachArtifacts(
  reference: string,
  artifacts: readonly Omit<Artifact, "subject">[],
  transport: Transport,
): Promise<string[]> {
  const { target, digest } = withDigest(reference);
  const subject = subjectOf(await readManifest(transport, target, digest));
  const attached = artifacts.map((artifact) => ({ ...artifact, subject }));
  for (const each of attached) await putArtifactBlobs(transport, target, each);
  const manifests = attached.map(artifactManifest);
  const entries: Descriptor[] = [];
  for (const each of manifests) {
    const stored = await storeReferrer(transport, target, each);
    if (stored) entries.push(stored.entry);
  }
  if (entries.length > 0) await addToList(transport, target, digest, entries);
  return manifests.map((each) => descriptorOf(each).digest);
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
  const stored = await storeReferrer(transport, target, manifest);
  if (stored) await addToList(transport, target, stored.subject, [stored.entry]);
  return descriptorOf(manifest).digest;
}

/** Stores a manifest. @returns what the list of its subject has to say of it; undefined where the registry keeps that */
async function storeReferrer(
  transport: Transport,
  target: Reference,
  manifest: Content,
): Promise<{ readonly subject: string; readonly entry: Descriptor } | undefined> {
  const { subject, artifactType, annotations, config } = Manifest.parse(
    JSON.parse(manifest.bytes.toString("utf8")),
  );
  const descriptor = descriptorOf(manifest);
  const headers = await putManifest(transport, target, descriptor.digest, manifest);
  // A registry with the referrers API says so here; any other leaves the list to us.
  if (!subject || headers.get("oci-subject")) return undefined;
  const more = { artifactType: artifactType ?? config.mediaType, ...(annotations && { annotations }) };
  return { subject: subject.digest, entry: { ...descriptor, ...more } };
}

/** @param subject the digest that the entries are about */
async function addToList(
  transport: Transport,
  target: Reference,
  subject: string,
  entries: readonly Descriptor[],
): Promise<void> {
  const missing = ({ manifests }: TagList) =>
    entries.filter((entry) => !manifests.some(({ digest }) => digest === entry.digest));
  const isKept = await addToShared<TagList>({
    read: () => listInTag(transport, target, subject),
    has: (list) => missing(list).length === 0,
    write: async (list) => {
      const index = {
        schemaVersion: 2,
        mediaType: INDEX_TYPE,
        manifests: [...list.manifests, ...missing(list)],
      };
      const bytes = Buffer.from(JSON.stringify(index));
      await putManifest(transport, target, list.tag, { mediaType: INDEX_TYPE, bytes });
    },
    settle: (took) => transport.settle(took),
    stagger: (writes) => transport.stagger(writes),
  });
  if (isKept) return;
  throw new UserError(
    formatReference({ ...target, digest: subject }),
    "others keep changing the list of what is attached to it.",
    "Run the same command again.",
  );
}
