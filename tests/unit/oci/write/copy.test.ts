import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { listReferrers } from "../../../../oci/read/referrers.ts";
import { copyImage, copyReferrer } from "../../../../oci/write/copy.ts";
import { attachArtifact } from "../../../../oci/write/put-artifact.ts";
import type { Sessions } from "../../../../oci/write/upload.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const TAR = "application/vnd.oci.image.layer.v1.tar";
const MB = 2 ** 20;

async function setting(t: TestContext, sizes: readonly number[] = [10, 20]) {
  const [source, target] = [await startFakeRegistry(), await startFakeRegistry()];
  t.after(async () => {
    await source[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });
  const layers = sizes.map((size) => ({ mediaType: TAR, bytes: randomBytes(size) }));
  const { digest } = source.image("one", layers);
  const named = (registry: FakeRegistry) => `${registry.host}/${REPOSITORY}`;
  return {
    source,
    target,
    digest,
    layers: layers.map(({ bytes }) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`),
    copy: (options = {}, attempts = 3) =>
      copyImage(`${named(source)}@${digest}`, named(target), quickTransport(attempts), options),
    named,
  };
}

const manifests = (registry: FakeRegistry) =>
  [...registry.content.keys()].filter((key) => key.startsWith("manifests/"));
const puts = (registry: FakeRegistry) => registry.requests.filter((request) => /^(PUT|PATCH)/.test(request));

test("a copy has the same digest, and every byte of the original", async (t) => {
  const { source, target, digest, copy, named } = await setting(t);
  assert.equal(await copy(), `${named(target)}@${digest}`);
  assert.deepEqual(target.content.get(`manifests/${digest}`), source.content.get(`manifests/${digest}`));
  for (const [key, { bytes }] of source.content) {
    if (key.startsWith("blobs/")) assert.deepEqual(target.content.get(key)?.bytes, bytes, key);
  }
});

test("what is there is not sent: nothing the second time, and only the missing blob where one is", async (t) => {
  const { target, layers, copy } = await setting(t);
  await copy();
  target.requests.length = 0;
  await copy();
  assert.deepEqual(puts(target), []);
  for (const key of manifests(target)) target.content.delete(key);
  target.content.delete(`blobs/${layers[0]}`);
  const told: string[] = [];
  await copy({
    progress: { blobs() {}, bytes() {}, blob: (_: unknown, how: string) => told.push(how) },
  });
  assert.deepEqual(told.sort(), ["sent", "there", "there"]);
});

test("the manifest comes last: a copy that ends in the middle leaves nothing to be pulled by half", async (t) => {
  const { target, copy } = await setting(t);
  target.intercept = (request, response) => {
    if (request.method !== "PATCH") return false;
    response.writeHead(403).end();
    return true;
  };
  await assert.rejects(copy(), /answered 403 for the upload of sha256:/);
  assert.deepEqual(manifests(target), []);
  target.intercept = () => false;
  await copy();
  assert.equal(manifests(target).length, 1);
});

test("once a blob is refused no further upload is begun", async (t) => {
  const { target, copy } = await setting(t, Array(20).fill(10));
  let refused = false;
  target.intercept = async (request, response) => {
    if (request.method !== "PATCH") return false;
    if (refused) {
      await sleep(50);
      return false;
    }
    refused = true;
    response.writeHead(403).end();
    return true;
  };
  await assert.rejects(copy(), /answered 403 for the upload of sha256:/);
  const begun = target.requests.filter((request) => request.startsWith("POST")).length;
  assert.ok(begun < 10, `${begun} of 21 uploads were begun`);
});

test("an upload that breaks off goes on where the registry says that it is", async (t) => {
  const { source, target, layers, copy } = await setting(t, [8 * MB]);
  let broken = 0;
  target.received = ({ method, socket }, bytes) => {
    if (method === "PATCH" && bytes > 2 * MB && broken++ === 0) socket.destroy();
  };
  let bytes = 0;
  await copy({
    progress: {
      blobs() {},
      blob() {},
      bytes: (count: number) => {
        bytes += count;
      },
    },
  });
  const patches = puts(target).filter((request) => request.startsWith("PATCH"));
  assert.ok(patches.length >= 2, "it was not broken");
  assert.ok(
    source.requests.filter((request) => request.includes(layers[0] ?? "")).length >= 2,
    "the source was not read again",
  );
  assert.ok(target.content.has(`blobs/${layers[0]}`));
  assert.ok(bytes < 16 * MB, `${bytes} bytes were sent of 8 MB: it began anew`);
});

test("another run goes on with what the last one began", async (t) => {
  const { target, layers, copy } = await setting(t, [8 * MB]);
  const kept = new Map<string, string>();
  const sessions: Sessions = {
    get: async (_, digest) => kept.get(digest),
    set: async (_, digest, location) => {
      if (location) kept.set(digest, location);
      else kept.delete(digest);
    },
  };
  target.received = ({ socket }, bytes) => {
    if (bytes > 4 * MB) socket.destroy();
  };
  await assert.rejects(copy({ sessions }, 1), /does not answer/);
  assert.deepEqual([...kept.keys()], layers);
  target.received = () => {};
  let bytes = 0;
  await copy({
    sessions,
    progress: {
      blobs() {},
      blob() {},
      bytes: (count: number) => {
        bytes += count;
      },
    },
  });
  assert.ok(bytes > 0 && bytes < 8 * MB, `${bytes} bytes were sent`);
  assert.deepEqual([...kept], [], "an upload that is over is forgotten");
});

test("a first copy goes on where the registry does not say 404 for what is absent, and who may not write is told so", async (t) => {
  // Artifactory answers 403 (go-containerregistry#1691).
  for (const status of [403, 405, 501]) {
    const { target, digest, copy } = await setting(t);
    target.intercept = (request, response) => {
      const key = request.url?.replace(`/v2/${REPOSITORY}/`, "") ?? "";
      if (request.method !== "HEAD" || target.content.has(key)) return false;
      response.writeHead(status).end();
      return true;
    };
    await copy();
    assert.ok(target.content.has(`manifests/${digest}`), `${status}`);
    target.content.clear();
    target.intercept = (_, response) => {
      response.writeHead(status).end();
      return true;
    };
    await assert.rejects(copy(), new RegExp(`answered ${status} for the upload`));
  }
});

test("ECR takes a copy; an upload that broke off begins anew there, as it drops what comes second", async (t) => {
  const { target, source, copy } = await setting(t, [4 * MB]);
  target.behaviour = { pieceStatus: 201, laterPieces: "dropped" };
  let breaks = 1;
  target.received = ({ method, socket }, bytes) => {
    if (method === "PATCH" && bytes > MB && breaks-- > 0) socket.destroy();
  };
  await copy();
  for (const [key, { bytes }] of source.content)
    if (key.startsWith("blobs/")) assert.deepEqual(target.content.get(key)?.bytes, bytes, key);
  // The layer is sent, gone on with in vain, and sent again; the configuration is sent once.
  assert.equal(target.requests.filter((request) => request.startsWith("PATCH")).length, 4);
  assert.equal(target.requests.filter((request) => /^PUT .*digest=/.test(request)).length, 2);
});

test("an upload that the registry has forgotten begins anew", async (t) => {
  const { target, layers, copy } = await setting(t);
  const sessions: Sessions = {
    get: async () => `/v2/${REPOSITORY}/blobs/uploads/999?state=begun`,
    set: async () => {},
  };
  await copy({ sessions });
  assert.ok(layers.every((digest) => target.content.has(`blobs/${digest}`)));
});

test("a registry that keeps saying that the bytes are wrong is an error, not a loop", async (t) => {
  const { target, copy } = await setting(t, [10]);
  target.intercept = (request, response) => {
    if (request.method !== "PUT" || !request.url?.includes("uploads")) return false;
    response.writeHead(400, { "content-type": "application/json" });
    response.end(JSON.stringify({ errors: [{ code: "DIGEST_INVALID", message: "no match" }] }));
    return true;
  };
  await assert.rejects(copy(), /answered 400 for the upload of sha256:.*DIGEST_INVALID/);
  assert.deepEqual(manifests(target), []);
  // The layer and the configuration, each once more from the beginning and no more often.
  assert.equal(target.requests.filter((request) => request.startsWith("PATCH")).length, 4);
});

test("a source that lies about a blob is told of, and nothing of it stays", async (t) => {
  const { source, target, layers, copy } = await setting(t, [100]);
  const key = `blobs/${layers[0]}`;
  source.content.set(key, { mediaType: TAR, bytes: randomBytes(100) });
  await assert.rejects(copy(), /has the digest sha256:/);
  assert.ok(!target.content.has(key));
  assert.deepEqual(manifests(target), []);
});

test("within one registry blobs are mounted", async () => {
  await using registry = await startFakeRegistry();
  const { digest } = registry.image("one", [{ mediaType: TAR, bytes: Buffer.from("layer") }]);
  const asked: string[] = [];
  registry.intercept = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://registry");
    if (!pathname.startsWith("/v2/other/")) return false;
    asked.push(`${request.method} ${pathname.replace(/sha256:.*/, "")} ${searchParams.get("from") ?? ""}`);
    const isMount = request.method === "POST" && searchParams.get("mount")?.startsWith("sha256:");
    response.writeHead(isMount || request.method === "PUT" ? 201 : 404).end();
    return true;
  };
  const told: string[] = [];
  await copyImage(`${registry.host}/${REPOSITORY}@${digest}`, `${registry.host}/other`, quickTransport(), {
    progress: { blobs() {}, bytes() {}, blob: (_, how) => told.push(how) },
  });
  assert.deepEqual(told, ["mounted", "mounted"]);
  assert.equal(asked.filter((line) => line === `POST /v2/other/blobs/uploads/ ${REPOSITORY}`).length, 2);
  assert.equal(asked.at(-1), "PUT /v2/other/manifests/ ");
});

test("evidence goes along, under the same digest, and is found in the copy", async (t) => {
  const { source, target, digest, copy, named } = await setting(t);
  const type = "application/vnd.strata.test.v1+json";
  const payload = { mediaType: type, bytes: Buffer.from("{}") };
  const artifact = await attachArtifact(
    `${named(source)}@${digest}`,
    { artifactType: type, payload, annotations: {} },
    quickTransport(),
  );
  await copy();
  const from = `${named(source)}@${artifact}`;
  assert.equal(await copyReferrer(from, named(target), quickTransport()), artifact);
  const found = await listReferrers(`${named(target)}@${digest}`, type, quickTransport());
  assert.deepEqual(
    found.map((descriptor) => descriptor.digest),
    [artifact],
  );
});

test("where a blob may not be mounted it is sent", async () => {
  for (const status of [401, 403, 404]) {
    await using registry = await startFakeRegistry();
    const { digest } = registry.image("one", [{ mediaType: TAR, bytes: Buffer.from("layer") }]);
    const other = new Map<string, Buffer>();
    registry.intercept = async (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://registry");
      if (!pathname.startsWith("/v2/other/")) return false;
      for await (const chunk of request) other.set(request.method ?? "", chunk as Buffer);
      if (request.method === "POST" && searchParams.has("mount")) response.writeHead(status).end();
      else if (request.method === "POST")
        response.writeHead(202, { location: "/v2/other/blobs/uploads/1" }).end();
      else if (request.method === "PATCH")
        response.writeHead(202, { location: "/v2/other/blobs/uploads/1" }).end();
      else response.writeHead(request.method === "PUT" ? 201 : 404).end();
      return true;
    };
    const told: string[] = [];
    const from = `${registry.host}/${REPOSITORY}@${digest}`;
    await copyImage(from, `${registry.host}/other`, quickTransport(), {
      progress: { blobs() {}, bytes() {}, blob: (_, how) => told.push(how) },
    });
    assert.deepEqual(told, ["sent", "sent"], `${status}`);
  }
});

test("an index is copied with the images that it names, and a copy is of a digest", async (t) => {
  const { source, target, named } = await setting(t);
  const [one, two] = ["a", "b"].map((text) =>
    source.image(text, [{ mediaType: TAR, bytes: Buffer.from(text) }]),
  );
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const index = source.manifest("both", { schemaVersion: 2, mediaType, manifests: [one, two] } as {
    mediaType: string;
  });
  await copyImage(`${named(source)}@${index.digest}`, named(target), quickTransport());
  for (const digest of [index.digest, one?.digest, two?.digest])
    assert.ok(target.content.has(`manifests/${digest}`), digest);
  await assert.rejects(
    copyImage(`${named(source)}:one`, named(target), quickTransport()),
    /has no digest\. A copy is of a digest: name one/,
  );
});
