/**
 * The read side of an OCI registry: manifests, configurations, layers, tags. Loopback registries are spoken to in plain
 * HTTP, all others in HTTPS; logins are those of `docker login`. Everything that is read is checked against its digest.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { failure } from "../access/failure.ts";
import { Transport } from "../access/transport.ts";
import { compressionOf, type Descriptor, ImageConfig, Index, MANIFEST_TYPES, Manifest } from "../manifest.ts";
import { formatReference, parseReference, type Reference } from "../references.ts";
import { readBlob } from "./blob.ts";
import { createDecompressor, splitFrames } from "./zstd.ts";

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
const TagPage = z.object({ tags: z.array(z.string()).nullable() });

const shared = { transport: undefined as Transport | undefined };
/** The transport used when none is given: one for the process, so that logins are shared. */
function defaultTransport(): Transport {
  shared.transport ??= new Transport();
  return shared.transport;
}

/**
 * Reads an image's manifest and configuration. An index is followed to linux/amd64.
 *
 * @throws UserError when the registry is down, refuses, has no such image, or sends something that does not match its
 *   digest.
 */
export async function readImage(
  reference: string | Reference,
  transport = defaultTransport(),
): Promise<Image> {
  const asked = toReference(reference);
  let found = await readManifest(transport, asked, asked.digest ?? asked.tag ?? "latest");
  const index = Index.safeParse(found.document);
  if (index.success) {
    const chosen = choosePlatform(asked, index.data);
    found = await readManifest(transport, asked, chosen.digest);
  }
  const manifest = check(Manifest, found.document, asked, "manifest");
  const parts: Buffer[] = [];
  for await (const chunk of readBlob(transport, asked, manifest.config)) parts.push(chunk);
  const config = check(ImageConfig, parseJson(Buffer.concat(parts)), asked, "configuration");
  return {
    digest: found.digest,
    mediaType: found.mediaType,
    manifest,
    config,
    layers: manifest.layers,
    bytes: manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size),
  };
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
  transport = defaultTransport(),
): Readable {
  const asked = toReference(reference);
  const compression = compressionOf(layer.mediaType);
  if (!compression) {
    throw new UserError(
      formatReference(asked),
      `layer ${layer.digest} has the media type "${layer.mediaType}".`,
      "Expected a tar, plain or packed with gzip or zstd: is this a container image?",
    );
  }
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of readBlob(transport, asked, layer)) {
      onBytes(chunk.length);
      yield chunk;
    }
  }
  if (compression === "none") return Readable.from(counted(), { objectMode: false });
  const source = compression === "zstd" ? splitFrames(counted()) : counted();
  const unpacked = compression === "zstd" ? createDecompressor() : createGunzip({ chunkSize: 1024 * 1024 });
  // An error of the source destroys the decompressor with it, so the reader sees it; nothing is left to handle here.
  pipeline(Readable.from(source), unpacked).catch(() => {});
  return unpacked;
}

/** Whether the registry has the manifest that a reference names. */
export async function imageExists(
  reference: string | Reference,
  transport = defaultTransport(),
): Promise<boolean> {
  const asked = toReference(reference);
  const answer = await transport.request(asked, `manifests/${asked.digest ?? asked.tag}`, {
    method: "HEAD",
    headers: { accept: MANIFEST_TYPES.join(", ") },
  });
  if (answer.status === 200) return true;
  if (answer.status === 404) return false;
  throw await failure(asked, answer, "manifest");
}

/** All tags of a repository, page by page; an absent repository has none. The reference's own tag plays no part. */
export async function listTags(
  reference: string | Reference,
  transport = defaultTransport(),
): Promise<string[]> {
  const asked = toReference(reference);
  const tags: string[] = [];
  let path: string | undefined = "tags/list?n=1000";
  while (path) {
    const answer = await transport.request(asked, path);
    if (answer.status === 404 && tags.length === 0) {
      await answer.bytes();
      return [];
    }
    if (answer.status !== 200) throw await failure(asked, answer, "list of tags");
    tags.push(...(check(TagPage, parseJson(await answer.bytes()), asked, "list of tags").tags ?? []));
    path = nextPage(answer.headers, "tags/list");
  }
  return tags;
}

/** A manifest as the registry has it; its digest was checked. */
export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly document: unknown;
}

/** Reads the manifest `name`, a tag or a digest, of the reference's repository. */
export async function readManifest(
  transport: Transport,
  reference: Reference,
  name: string,
): Promise<StoredManifest> {
  const answer = await transport.request(reference, `manifests/${name}`, {
    headers: { accept: MANIFEST_TYPES.join(", ") },
  });
  if (answer.status !== 200) throw await failure(reference, answer, "manifest");
  const bytes = await answer.bytes();
  const algorithm = name.startsWith("sha512:") ? "sha512" : "sha256";
  const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
  const promised = name.includes(":") ? name : answer.headers.get("docker-content-digest");
  if (promised?.startsWith(`${algorithm}:`) && promised !== digest) {
    throw new UserError(
      formatReference(reference),
      `the manifest from ${reference.registry} has the digest ${digest}, not ${promised}.`,
      "The registry's storage or a proxy on the way is damaged: push the image again, or read it without the proxy.",
    );
  }
  const document = parseJson(bytes);
  const inside = (document as { mediaType?: unknown } | undefined)?.mediaType;
  const mediaType = typeof inside === "string" ? inside : (answer.headers.get("content-type") ?? "");
  return { digest, mediaType, bytes, document };
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

function check<T>(schema: z.ZodType<T>, document: unknown, reference: Reference, what: string): T {
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  throw new UserError(
    formatReference(reference),
    `the ${what} from ${reference.registry} is not one of a container image: ${z.prettifyError(result.error)}.`,
    "Check that the reference names an image (manifest version 2 or OCI).",
  );
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Where the next page of a list is, without its host: a registry behind a proxy may name itself wrongly.
 *
 * @param path of this page, for a registry that gives a query alone
 */
export function nextPage(headers: Headers, path: string): string | undefined {
  const next = /<([^>]+)>\s*;\s*rel="?next"?/i.exec(headers.get("link") ?? "")?.[1];
  if (!next) return undefined;
  const url = new URL(next, "http://registry.invalid/v2/");
  return next.startsWith("?") ? `${path}${url.search}` : `${url.pathname}${url.search}`;
}

function toReference(reference: string | Reference): Reference {
  return typeof reference === "string" ? parseReference(reference) : reference;
}
