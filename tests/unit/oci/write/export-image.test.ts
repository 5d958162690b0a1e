import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { readImage } from "../../../../oci/read/image.ts";
import { parseReference } from "../../../../oci/references.ts";
import { exportImage } from "../../../../oci/write/export-image.ts";
import { folderStore, type ImageStore, tarStore } from "../../../../oci/write/image-store.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { makeTar, readTar } from "../support/tar.ts";
import { quickTransport } from "../support/transport.ts";

const TAR = "application/vnd.oci.image.layer.v1.tar";
const sha256 = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const tars = [
  await makeTar([{ name: "one", content: "1".repeat(10_000) }]),
  await makeTar([{ name: "two", content: "2" }]),
  await makeTar([{ name: "three", content: "3" }]),
] as const;
const config = {
  architecture: "amd64",
  os: "linux",
  created: "2026-01-01T00:00:00Z",
  rootfs: { type: "layers", diff_ids: [...tars, tars[0]].map(sha256) },
};

/** Layers in zstd (one of them twice), gzip and as they are, exported into what `open` gives. */
async function exported(
  t: TestContext,
  open: (path: string) => Promise<ImageStore>,
  { gzip = false, changed = config as object } = {},
) {
  await using registry = await startFakeRegistry();
  const zstd = { mediaType: `${TAR}+zstd`, bytes: zstdCompressSync(tars[0]) };
  const layers = [
    zstd,
    { mediaType: `${TAR}+gzip`, bytes: gzipSync(tars[1]) },
    { mediaType: TAR, bytes: tars[2] },
    zstd,
  ];
  const { digest } = registry.image("made", layers, changed);
  const reference = parseReference(`${registry.host}/${REPOSITORY}:made`);
  const transport = quickTransport();
  const path = join(temporaryFolder(t), "image");
  const store = await open(path);
  let bytes = 0;
  try {
    const result = await exportImage(transport, reference, await readImage(reference, transport), store, {
      name: "image:made",
      gzip,
      onBytes: (count) => {
        bytes += count;
      },
    });
    return {
      path,
      digest,
      result,
      layers,
      bytes,
      blobRequests: registry.requests.filter((r) => r.includes("/blobs/")),
    };
  } finally {
    await store.close();
  }
}

test("a file is a layout and a Docker archive in one, with the registry's own bytes", async (t) => {
  const { path, digest, result, layers, bytes } = await exported(t, tarStore);
  const members = await readTar(readFileSync(path));
  const json = (name: string) => JSON.parse(members.get(name)?.toString() ?? "null");
  assert.equal(result, digest);
  assert.deepEqual(json("oci-layout"), { imageLayoutVersion: "1.0.0" });
  const { manifests } = json("index.json");
  assert.deepEqual(manifests[0].annotations, {
    "io.containerd.image.name": "docker.io/library/image:made",
    "org.opencontainers.image.ref.name": "made",
  });
  assert.equal(manifests[0].digest, digest);
  const [{ Config, RepoTags, Layers }] = json("manifest.json");
  assert.deepEqual(RepoTags, ["image:made"]);
  assert.deepEqual(
    Layers.map((name: string) => members.get(name)),
    layers.map((layer) => layer.bytes),
  );
  assert.deepEqual(json(Config), config);
  for (const [name, content] of members)
    if (name.startsWith("blobs/")) assert.equal(name, `blobs/${sha256(content).replace(":", "/")}`);
  // A layer that is there twice is fetched and stored once.
  assert.equal([...members.keys()].filter((name) => name.startsWith("blobs/")).length, 5);
  assert.equal(
    bytes,
    layers.slice(0, 3).reduce((sum, layer) => sum + layer.bytes.length, 0),
  );
});

test("with gzip every engine reads it: zstd is packed anew, the rest stays, the configuration too", async (t) => {
  const { path, digest, result, layers } = await exported(t, tarStore, { gzip: true });
  const members = await readTar(readFileSync(path));
  const json = (name: string) => JSON.parse(members.get(name)?.toString() ?? "null");
  assert.notEqual(result, digest);
  const [{ Layers, Config }] = json("manifest.json");
  const blobs: Buffer[] = Layers.map((name: string) => members.get(name));
  assert.deepEqual(
    [blobs[0], blobs[3]].map((blob) => gunzipSync(blob ?? "")),
    [tars[0], tars[0]],
  );
  assert.deepEqual(
    blobs.slice(1, 3),
    layers.slice(1, 3).map(({ bytes }) => bytes),
  );
  assert.deepEqual(json(Config), config);
  const manifest = json(`blobs/${result.replace(":", "/")}`);
  assert.deepEqual(
    manifest.layers.map(({ mediaType, size }: { mediaType: string; size: number }) => [mediaType, size]),
    [`${TAR}+gzip`, `${TAR}+gzip`, TAR, `${TAR}+gzip`].map((type, index) => [type, blobs[index]?.length]),
  );
});

test("the same image is the same file, and a folder holds the same", async (t) => {
  const [one, other] = [
    await exported(t, tarStore, { gzip: true }),
    await exported(t, tarStore, { gzip: true }),
  ];
  assert.deepEqual(readFileSync(one.path), readFileSync(other.path));
  const { path } = await exported(t, folderStore, { gzip: true });
  const members = await readTar(readFileSync(one.path));
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1));
  assert.deepEqual(files.toSorted(), [...members.keys()].toSorted());
  for (const file of files) assert.deepEqual(readFileSync(join(path, file)), members.get(file), file);
});

test("what unpacks to something else than the configuration says is no image", async (t) => {
  const rootfs = { type: "layers", diff_ids: [sha256(Buffer.from("x")), ...config.rootfs.diff_ids.slice(1)] };
  await assert.rejects(
    exported(t, tarStore, { gzip: true, changed: { ...config, rootfs } }),
    /layer sha256:\w+ unpacks to sha256:\w+, and its configuration says sha256:/,
  );
});
