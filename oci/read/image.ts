/**
 * Images of an OCI registry: their manifests, configurations and layers. Loopback registries are spoken to in plain
 * HTTP, all others in HTTPS; logins are those of `docker login`. Everything that is read is checked against its digest.
 */
import type { Readable } from "node:stream";
import { UserError } from "../../errors.ts";
import { failure } from "../access/failure.ts";
import { sharedTransport } from "../access/transport.ts";
import { compressionOf, type Descriptor, ImageConfig, Index, MANIFEST_TYPES, Manifest } from "../manifest.ts";
import { formatReference, type Reference, toReference } from "../references.ts";
import { readBlob } from "./blob.ts";
import { checkDocument, parseJson, readManifest } from "./stored-manifest.ts";
import { unpackedTar } from "./unpacked-tar.ts";

/** An image for linux/amd64 as its registry describes it. Sizes are compressed bytes. */
export interface Image {
  /** Digest of the manifest. */
  readonly digest: string;
  readonly mediaType: string;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly layers: readonly Descriptor[];
  /** Bytes of all layers and the configuration: what a machine that has nothing yet downloads. */
  readonly bytes: number;
}

const PLATFORM = { os: "linux", architecture: "amd64" };

/**
 * Reads an image's manifest and configuration. An index is followed to linux/amd64.
 *
 * @throws UserError when the registry is down, refuses, has no such image, or sends something that does not match its
 *   digest.
 */
export async function readImage(
  reference: string | Reference,
  transport = sharedTransport(),
): Promise<Image> {
  const source = toReference(reference);
  const { stored, manifest } = await readPlatform(source, transport);
  const parts: Buffer[] = [];
  for await (const chunk of readBlob(transport, source, manifest.config)) parts.push(chunk);
  const config = checkDocument(ImageConfig, parseJson(Buffer.concat(parts)), source, "configuration");
  return {
    digest: stored.digest,
    mediaType: stored.mediaType,
    manifest,
    config,
    layers: manifest.layers,
    bytes: bytesOf(manifest),
  };
}

/** Bytes of all layers and the configuration of an image, which its manifest alone says. */
export async function readSize(reference: string, transport = sharedTransport()): Promise<number> {
  return bytesOf((await readPlatform(toReference(reference), transport)).manifest);
}

/** The manifest of an image for our platform. */
async function readPlatform(source: Reference, transport: ReturnType<typeof sharedTransport>) {
  let stored = await readManifest(transport, source, source.digest ?? source.tag ?? "latest");
  const index = Index.safeParse(stored.document);
  if (index.success)
    stored = await readManifest(transport, source, choosePlatform(source, index.data).digest);
  return { stored, manifest: checkDocument(Manifest, stored.document, source, "manifest") };
}

function bytesOf({ layers, config }: Manifest): number {
  return layers.reduce((sum, layer) => sum + layer.size, config.size);
}

/**
 * Opens a layer as its uncompressed tar. Destroying the stream ends the download.
 *
 * @param onBytes called with the number of compressed bytes of each chunk that arrived
 * @throws UserError for a media type that is no tar; other failures are errors of the stream.
 */
export function openLayer(
  reference: string | Reference,
  layer: Descriptor,
  onBytes: (count: number) => void = () => {},
  transport = sharedTransport(),
): Readable {
  const source = toReference(reference);
  const compression = compressionOf(layer.mediaType);
  if (!compression) {
    throw new UserError(
      formatReference(source),
      `layer ${layer.digest} has the media type "${layer.mediaType}".`,
      "Expected a tar, plain or packed with gzip or zstd: is this a container image?",
    );
  }
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of readBlob(transport, source, layer)) {
      onBytes(chunk.length);
      yield chunk;
    }
  }
  return unpackedTar(counted(), compression);
}

/**
 * Whether the registry has the manifest that a reference names.
 *
 * @param absent answers that mean that it has not; any other than 200 is an error
 */
export async function imageExists(
  reference: string | Reference,
  transport = sharedTransport(),
  absent: readonly number[] = [404],
): Promise<boolean> {
  const source = toReference(reference);
  const answer = await transport.request(source, `manifests/${source.digest ?? source.tag}`, {
    method: "HEAD",
    headers: { accept: MANIFEST_TYPES.join(", ") },
  });
  if (answer.status === 200) return true;
  if (absent.includes(answer.status)) return false;
  throw await failure(source, answer, "manifest");
}

function choosePlatform(reference: Reference, index: Index): Descriptor {
  const isOurs = ({ platform }: Descriptor) =>
    platform?.os === PLATFORM.os && platform.architecture === PLATFORM.architecture;
  const chosen = index.manifests.find(isOurs);
  if (chosen) return chosen;
  const names = index.manifests.map(
    ({ platform }) => `${platform?.os ?? "?"}/${platform?.architecture ?? "?"}`,
  );
  throw new UserError(
    formatReference(reference),
    `has no image for linux/amd64, only for ${names.join(", ") || "nothing at all"}.`,
    "strata's images are for linux/amd64: name another tag.",
  );
}
