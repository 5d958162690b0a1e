import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compressionOf,
  Descriptor,
  ImageConfig,
  Index,
  MANIFEST_TYPES,
  Manifest,
} from "../../../oci/manifest.ts";

const hex = (length: number) => "0123456789abcdef".repeat(length / 16);
const blob = { mediaType: "m", digest: `sha256:${hex(64)}`, size: 0 };
const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;

test("a descriptor has a whole digest of a known kind and a size that can be", () => {
  assert.deepEqual(Descriptor.parse({ ...blob, urls: ["kept"] }), { ...blob, urls: ["kept"] });
  assert.ok(accepts(Descriptor, { ...blob, digest: `sha512:${hex(128)}` }));
  for (const digest of [
    hex(64),
    `sha256:${hex(64)}0`,
    `sha256:${hex(48)}`,
    `sha512:${hex(64)}`,
    `sha512:${hex(128)}0`,
    `sha256:${hex(64).toUpperCase()}`,
    `sha512:${hex(128).toUpperCase()}`,
    `x sha256:${hex(64)}`,
    `md5:${hex(32)}`,
  ])
    assert.ok(!accepts(Descriptor, { ...blob, digest }), digest);
  for (const size of [-1, 0.5, "1"]) assert.ok(!accepts(Descriptor, { ...blob, size }), `${size}`);
  assert.ok(!accepts(Descriptor, { ...blob, mediaType: 1 }));
});

test("what a descriptor says beside is of the right kind, or the descriptor is none", () => {
  const platform = { architecture: "amd64", os: "linux", variant: "v3" };
  const whole = { ...blob, annotations: { a: "b" }, platform, artifactType: "t" };
  assert.deepEqual(Descriptor.parse(whole), whole);
  for (const wrong of [
    { annotations: { a: 1 } },
    { platform: { os: "linux" } },
    { platform: { architecture: "amd64" } },
    { artifactType: 1 },
  ])
    assert.ok(!accepts(Descriptor, { ...blob, ...wrong }), JSON.stringify(wrong));
});

test("manifests and indexes keep what they are not asked for", () => {
  const manifest = { config: blob, layers: [blob], subject: blob, annotations: { a: "b" }, schemaVersion: 2 };
  assert.deepEqual(Manifest.parse(manifest), manifest);
  for (const wrong of [{ layers: undefined }, { config: undefined }, { layers: [{}] }, { subject: {} }])
    assert.ok(!accepts(Manifest, { ...manifest, ...wrong }), JSON.stringify(wrong));
  for (const wrong of [{ mediaType: 1 }, { artifactType: 1 }, { annotations: { a: 1 } }])
    assert.ok(!accepts(Manifest, { ...manifest, ...wrong }), JSON.stringify(wrong));
  const index = { manifests: [blob], schemaVersion: 2 };
  assert.deepEqual(Index.parse(index), index);
  for (const wrong of [{ manifests: [{}] }, { mediaType: 1 }])
    assert.ok(!accepts(Index, { ...index, ...wrong }));
});

test("a configuration may leave out, or null, whatever an image need not have", () => {
  const least = { architecture: "amd64", os: "linux" };
  const nothing = { Env: null, Labels: null, Entrypoint: null, Cmd: null, WorkingDir: null, User: "kept" };
  for (const more of [
    {},
    { config: null, history: null },
    { config: {} },
    { config: nothing },
    { rootfs: { type: "layers", diff_ids: [blob.digest] } },
    { history: [{ created_by: "c", comment: "d", empty_layer: true, created: "kept" }, {}], author: "kept" },
  ])
    assert.deepEqual(ImageConfig.parse({ ...least, ...more }), { ...least, ...more });
  for (const wrong of [
    { architecture: undefined },
    { os: undefined },
    { config: { Env: [1] } },
    { config: { Labels: { a: 1 } } },
    { config: { Entrypoint: "sh" } },
    { config: { Cmd: [1] } },
    { config: { WorkingDir: 1 } },
    { rootfs: {} },
    { rootfs: { diff_ids: ["1"] } },
    { history: [{ created_by: 1 }] },
    { history: [{ comment: 1 }] },
    { history: [{ empty_layer: "yes" }] },
  ])
    assert.ok(!accepts(ImageConfig, { ...least, ...wrong }), JSON.stringify(wrong));
});

test("OCI's documents are asked for and Docker's", () => {
  assert.deepEqual(MANIFEST_TYPES, [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
  ]);
});

test("how a layer is packed is the end of its media type", () => {
  const layer = "application/vnd.oci.image.layer.v1.tar";
  for (const [mediaType, expected] of [
    [layer, "none"],
    [`${layer}+gzip`, "gzip"],
    [`${layer}+zstd`, "zstd"],
    ["application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"],
    ["application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd"],
    [`${layer}+gzip.more`, undefined],
    [`${layer}+zstd.more`, undefined],
    [`${layer}.more`, undefined],
    ["application/gzip", undefined],
    ["application/zstd", undefined],
    ["application/tar", undefined],
  ] as const)
    assert.equal(compressionOf(mediaType), expected, mediaType);
});
