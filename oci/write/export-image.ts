/** An image out of its registry into a file or a folder, without any engine. */
import { createHash } from "node:crypto";
import { createGzip } from "node:zlib";
import { UserError } from "../../errors.ts";
import type { Transport } from "../access/transport.ts";
import { compressionOf, type Descriptor, INDEX_TYPE } from "../manifest.ts";
import { readBlob } from "../read/blob.ts";
import { type Image, openLayer } from "../read/image.ts";
import { readManifest } from "../read/stored-manifest.ts";
import { formatReference, type Reference } from "../references.ts";
import { blobPath, type ImageStore, type StoredBlob } from "./image-store.ts";

export interface ExportOptions {
  /** What engines call the image then: `strata:starter-cpu`. */
  readonly name: string;
  /** Layers packed with zstd become gzip, which every engine reads; all else stays as the registry has it. */
  readonly gzip: boolean;
  /** Hears of bytes that came from the registry. */
  readonly onBytes: (count: number) => void;
}

/** A manifest in a layout. */
interface StoredManifestBlob extends StoredBlob {
  readonly mediaType: string;
}

/**
 * Writes an image to `store`, as an OCI layout that is a Docker archive as well: old engines and the classic store read
 * `manifest.json`, containerd and podman `index.json`. Every blob is checked by its digest, an unpacked one by that of the
 * configuration.
 *
 * @returns the digest of the manifest: the registry's own, unless layers were packed anew
 */
export async function exportImage(
  transport: Transport,
  reference: Reference,
  image: Image,
  store: ImageStore,
  options: ExportOptions,
): Promise<string> {
  const source = { ...reference, digest: image.digest };
  const { onBytes } = options;
  const stored = new Map<string, StoredBlob>();
  const layers: Descriptor[] = [];
  for (const [index, layer] of image.layers.entries()) {
    const repacked = options.gzip && compressionOf(layer.mediaType) === "zstd";
    const chunks = () =>
      repacked
        ? gzipped(transport, source, layer, image.config.rootfs?.diff_ids[index], onBytes)
        : counted(readBlob(transport, source, layer), onBytes);
    const blob = stored.get(layer.digest) ?? (await store.blob(chunks()));
    stored.set(layer.digest, blob);
    layers.push(
      repacked ? { ...layer, ...blob, mediaType: layer.mediaType.replace(/zstd$/, "gzip") } : layer,
    );
  }
  const { config } = image.manifest;
  await store.blob(readBlob(transport, source, config));
  const manifest = await storeManifest(transport, source, image, layers, store);
  await describe(store, manifest, config, layers, options.name);
  return manifest.digest;
}

/** The registry's manifest as it is, or one with the layers that were packed anew. */
async function storeManifest(
  transport: Transport,
  source: Reference,
  image: Image,
  layers: readonly Descriptor[],
  store: ImageStore,
): Promise<StoredManifestBlob> {
  const { bytes, mediaType } = await readManifest(transport, source, image.digest);
  const isSame = layers.every(({ digest }, index) => digest === image.layers[index]?.digest);
  const document = isSame ? bytes : Buffer.from(JSON.stringify({ ...image.manifest, layers }));
  return { mediaType, ...(await store.blob([document])) };
}

async function describe(
  store: ImageStore,
  { mediaType, digest, size }: StoredManifestBlob,
  config: Descriptor,
  layers: readonly Descriptor[],
  name: string,
): Promise<void> {
  const tag = name.slice(name.lastIndexOf(":") + 1);
  const annotations = {
    "io.containerd.image.name": `docker.io/library/${name}`,
    "org.opencontainers.image.ref.name": tag,
  };
  const platform = { architecture: "amd64", os: "linux" };
  const index = {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [{ mediaType, digest, size, annotations, platform }],
  };
  const archive = [
    {
      Config: blobPath(config.digest),
      RepoTags: [name],
      Layers: layers.map((layer) => blobPath(layer.digest)),
    },
  ];
  await store.document("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await store.document("index.json", JSON.stringify(index));
  await store.document("manifest.json", JSON.stringify(archive));
  await store.finish();
}

async function* counted(
  chunks: AsyncIterable<Buffer>,
  onBytes: ExportOptions["onBytes"],
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** A layer packed with gzip; the same bytes each time, as gzip's header has no time here. */
async function* gzipped(
  transport: Transport,
  source: Reference,
  layer: Descriptor,
  diffId: string | undefined,
  onBytes: ExportOptions["onBytes"],
): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  const unpacked = openLayer(source, layer, onBytes, transport);
  const packed = createGzip({ chunkSize: 2 ** 20 });
  unpacked.on("error", (error) => packed.destroy(error));
  unpacked.on("data", (chunk: Buffer) => hash.update(chunk));
  unpacked.pipe(packed);
  try {
    yield* packed as AsyncIterable<Buffer>;
  } finally {
    unpacked.destroy();
    packed.destroy();
  }
  const digest = `sha256:${hash.digest("hex")}`;
  if (digest === diffId) return;
  throw new UserError(
    formatReference(source),
    `layer ${layer.digest} unpacks to ${digest}, and its configuration says ${diffId ?? "nothing"}.`,
    "The image was put together wrongly: build it anew.",
  );
}
