import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { MANIFEST_TYPES } from "../../../../oci/manifest.ts";
import { imageExists, openLayer, readImage } from "../../../../oci/read/image.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const TAR = "application/vnd.oci.image.layer.v1.tar";
const named = (registry: FakeRegistry, tag: string) => `${registry.host}/${REPOSITORY}:${tag}`;

test("of an index the image counts whose system and machine are both ours", async () => {
  await using registry = await startFakeRegistry();
  const wanted = registry.image("wanted", []);
  const other = registry.image("other", [], { architecture: "arm64", os: "linux" });
  const index = (tag: string, ...manifests: object[]) =>
    registry.manifest(tag, { mediaType: INDEX, manifests } as { mediaType: string });
  const on = (os: string, architecture: string) => ({ ...other, platform: { os, architecture } });
  const wrong = [other, on("windows", "amd64"), on("linux", "arm64")];
  index("one", ...wrong, { ...wanted, platform: { os: "linux", architecture: "amd64" } });
  assert.equal((await readImage(named(registry, "one"), quickTransport())).digest, wanted.digest);
  index("two", ...wrong);
  await assert.rejects(
    readImage(named(registry, "two"), quickTransport()),
    /only for \?\/\?, windows\/amd64, linux\/arm64\./,
  );
  index("none");
  await assert.rejects(readImage(named(registry, "none"), quickTransport()), /only for nothing at all/);
});

test("what is no image is named: the manifest, or the configuration", async () => {
  await using registry = await startFakeRegistry();
  registry.manifest("manifest", { mediaType: "m" });
  registry.image("config", [], { os: 1 });
  for (const [tag, what] of [
    ["manifest", /the manifest from/],
    ["config", /the configuration from/],
  ] as const)
    await assert.rejects(readImage(named(registry, tag), quickTransport()), what);
});

test("a reference without tag and digest means the latest", async () => {
  await using registry = await startFakeRegistry();
  const { digest } = registry.image("latest", []);
  const reference = { registry: registry.host, repository: REPOSITORY };
  assert.equal((await readImage(reference, quickTransport())).digest, digest);
});

test("whether an image is there is asked for every kind of manifest, and a refusal is no answer", async () => {
  await using registry = await startFakeRegistry();
  const accepts: (string | undefined)[] = [];
  registry.intercept = ({ headers }, response) => {
    accepts.push(headers.accept);
    response.writeHead(403).end();
    return true;
  };
  await assert.rejects(
    imageExists(named(registry, "one"), quickTransport()),
    /answered 403 for the manifest/,
  );
  assert.deepEqual(accepts, [MANIFEST_TYPES.join(", ")]);
});

test("a layer is bytes, plain or packed, and goes on after the first frame of zstd", async () => {
  await using registry = await startFakeRegistry();
  const plain = registry.blob(TAR, Buffer.from("one"));
  const packed = registry.blob(
    `${TAR}+zstd`,
    Buffer.concat([zstdCompressSync(Buffer.from("one")), zstdCompressSync(Buffer.from("two"))]),
  );
  for (const [layer, text] of [
    [plain, "one"],
    [packed, "onetwo"],
  ] as const) {
    const stream = openLayer(named(registry, "x"), layer, undefined, quickTransport());
    assert.equal(stream.readableObjectMode, false);
    assert.equal(String(await buffer(stream)), text);
  }
});
