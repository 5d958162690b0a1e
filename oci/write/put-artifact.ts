/** Documents in a registry: an artifact is a manifest around one blob, about another manifest or for itself. */
import { UserError } from "../../errors.ts";
import type { Transport } from "../access/transport.ts";
import { type Descriptor, MANIFEST_TYPE, Manifest } from "../manifest.ts";
import { readBlob } from "../read/blob.ts";
import { readManifest, type StoredManifest } from "../read/image.ts";
import { formatReference, parseReference, type Reference } from "../references.ts";
import { type Content, descriptorOf, putBlob } from "./put.ts";

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

/** An artifact as the registry has it; payload and manifest match their digests. */
export interface StoredArtifact {
  readonly digest: string;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly subject: Descriptor | undefined;
  readonly payload: Buffer;
}

/** Documents that may be read whole. */
const LARGEST = 16 * 2 ** 20;
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
 * Reads an artifact by its digest, or by a tag.
 *
 * @throws UserError when it is not there, or is no artifact with one small document.
 */
export async function readArtifact(reference: string, transport: Transport): Promise<StoredArtifact> {
  const asked = parseReference(reference);
  const found = await readManifest(transport, asked, asked.digest ?? asked.tag ?? "latest");
  const manifest = Manifest.safeParse(found.document).data;
  const [layer, ...more] = manifest?.layers ?? [];
  if (!manifest || !layer || more.length > 0 || layer.size > LARGEST) {
    throw new UserError(formatReference(asked), "is no artifact with one document.", "Name another one.");
  }
  const chunks: Buffer[] = [];
  for await (const chunk of readBlob(transport, asked, layer)) chunks.push(chunk);
  return {
    digest: found.digest,
    artifactType: manifest.artifactType,
    annotations: manifest.annotations ?? {},
    subject: manifest.subject,
    payload: Buffer.concat(chunks),
  };
}
