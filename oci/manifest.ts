/** The documents that describe an image: OCI and Docker manifests, indexes and configurations. */
import { z } from "zod";

const Digest = z
  .string()
  .regex(/^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/, "expected sha256:… or sha512:…");

/** Points at a blob or a manifest by digest. `size` is in bytes. */
export const Descriptor = z.looseObject({
  mediaType: z.string(),
  digest: Digest,
  size: z.number().int().nonnegative(),
  annotations: z.record(z.string(), z.string()).optional(),
  platform: z.looseObject({ architecture: z.string(), os: z.string() }).optional(),
  /** In lists of referrers: what kind of artifact it is. */
  artifactType: z.string().optional(),
});
export type Descriptor = z.infer<typeof Descriptor>;

/** One image for one platform. */
export const Manifest = z.looseObject({
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  /** What an artifact is about. */
  subject: Descriptor.optional(),
  config: Descriptor,
  layers: z.array(Descriptor),
  annotations: z.record(z.string(), z.string()).optional(),
});
export type Manifest = z.infer<typeof Manifest>;

/** One image for several platforms. */
export const Index = z.looseObject({
  mediaType: z.string().optional(),
  /** What it is about, where it is an artifact. */
  subject: Descriptor.optional(),
  manifests: z.array(Descriptor),
});
export type Index = z.infer<typeof Index>;

/** What a container of the image runs with, and how the image came about. */
export const ImageConfig = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  config: z
    .looseObject({
      Env: z.array(z.string()).nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
  rootfs: z.looseObject({ diff_ids: z.array(Digest) }).optional(),
  history: z
    .array(
      z.looseObject({
        created_by: z.string().optional(),
        comment: z.string().optional(),
        empty_layer: z.boolean().optional(),
      }),
    )
    .nullish(),
});
export type ImageConfig = z.infer<typeof ImageConfig>;

export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

/** The media types that are asked for when a manifest is read. */
export const MANIFEST_TYPES = [
  INDEX_TYPE,
  MANIFEST_TYPE,
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

export type LayerPacking = "zstd" | "gzip" | "none";

/** How a layer's tar is packed, by media type; undefined for a type that is not a layer. */
export function compressionOf(mediaType: string): LayerPacking | undefined {
  if (/[+.]zstd$/.test(mediaType)) return "zstd";
  if (/[+.]gzip$/.test(mediaType)) return "gzip";
  if (/\.tar$/.test(mediaType)) return "none";
  return undefined;
}
