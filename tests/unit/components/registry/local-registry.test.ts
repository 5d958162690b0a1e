import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalRegistry } from "../../../../components/registry/local-registry.ts";
import { record, resolved } from "../../../support/mocks.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";

async function build(address: string, preview = false) {
  let built: LocalRegistry | undefined;
  const recording = await record(
    () => {
      built = new LocalRegistry("registry", { address, repository: REPOSITORY });
    },
    { preview },
  );
  assert.ok(built);
  return { built, recording };
}

test("a local registry is a name: one component without inputs, children or logins", async () => {
  for (const preview of [true, false]) {
    const { built, recording } = await build("127.0.0.1:5000", preview);
    assert.deepEqual(recording.registrations, [
      { type: "strata:index:LocalRegistry", name: "registry", inputs: {}, parent: undefined },
    ]);
    assert.equal(await resolved(built.repository), `127.0.0.1:5000/${REPOSITORY}`);
    assert.deepEqual(built.logins, []);
  }
});

test("the size of an image is that of its layers and its configuration", async () => {
  await using registry = await startFakeRegistry();
  const { built } = await build(registry.host);
  const config = { architecture: "amd64", os: "linux" };
  const tar = "application/vnd.oci.image.layer.v1.tar";
  const { digest } = registry.image(
    "any",
    [
      { mediaType: tar, bytes: Buffer.alloc(1000) },
      { mediaType: tar, bytes: Buffer.alloc(24) },
    ],
    config,
  );
  assert.equal(
    await built.compressedSize(`${registry.host}/${REPOSITORY}@${digest}`),
    1024 + JSON.stringify(config).length,
  );
});

test("an image that is not there has no size", async () => {
  await using registry = await startFakeRegistry();
  const { built } = await build(registry.host);
  const absent = `${registry.host}/${REPOSITORY}@sha256:${"0".repeat(64)}`;
  await assert.rejects(built.compressedSize(absent), /answered 404 for the manifest/);
});
