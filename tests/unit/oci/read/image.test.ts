import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { UserError } from "../../../../errors.ts";
import { Transport } from "../../../../oci/access/transport.ts";
import { imageExists, openLayer, readImage, readSize } from "../../../../oci/read/image.ts";
import { listTags } from "../../../../oci/read/tag-list.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { makeTar } from "../support/tar.ts";

const TAR = "application/vnd.oci.image.layer.v1.tar";
const INDEX = "application/vnd.oci.image.index.v1+json";
/** No pauses, and no login of the machine that runs the tests. */
const transport = () =>
  new Transport({ backoffMs: 1, timeoutMs: 2000, attempts: 3, dockerConfig: "no-such-folder" });
const named = (registry: FakeRegistry, rest = ":one") => `${registry.host}/${REPOSITORY}${rest}`;
const userError =
  (...patterns: RegExp[]) =>
  (error: unknown) => {
    assert.ok(error instanceof UserError, `not a UserError: ${error}`);
    for (const pattern of patterns) assert.match(error.message, pattern);
    assert.notEqual(error.remedy, "");
    return true;
  };

describe("readImage", () => {
  test("reads manifest, configuration and sizes", async () => {
    await using registry = await startFakeRegistry();
    const layer = await makeTar([{ name: "a", content: "1" }]);
    const config = { architecture: "amd64", os: "linux", config: { Labels: { a: "b" } } };
    const { digest } = registry.image("one", [{ mediaType: TAR, bytes: layer }], config);
    const image = await readImage(named(registry), transport());
    assert.equal(image.digest, digest);
    assert.equal(image.config.config?.Labels?.a, "b");
    assert.equal(image.layers.length, 1);
    assert.equal(image.bytes, layer.length + JSON.stringify(config).length);
    assert.equal((await readImage(named(registry, `@${digest}`), transport())).digest, digest);
  });

  test("follows an index to linux/amd64, past attestations", async () => {
    await using registry = await startFakeRegistry();
    const wanted = registry.image("amd", []);
    const other = registry.image("arm", [], { architecture: "arm64", os: "linux" });
    const point = (to: object, os: string, architecture: string) => ({
      ...to,
      platform: { os, architecture },
    });
    const manifests = [
      point(other, "linux", "arm64"),
      point(other, "unknown", "unknown"),
      point(wanted, "linux", "amd64"),
    ];
    registry.manifest("one", { mediaType: INDEX, manifests } as { mediaType: string });
    assert.equal((await readImage(named(registry), transport())).digest, wanted.digest);

    registry.manifest("two", { mediaType: INDEX, manifests: manifests.slice(0, 1) } as { mediaType: string });
    await assert.rejects(
      readImage(named(registry, ":two"), transport()),
      userError(/no image for linux\/amd64.*linux\/arm64/),
    );
  });

  test("404 names the reference and what to do", async () => {
    await using registry = await startFakeRegistry();
    await assert.rejects(
      readImage(named(registry), transport()),
      userError(/team\/image:one/, /404/, /manifest unknown/, /make up/),
    );
  });

  test("a registry that is down is said to be down, at once", async () => {
    const registry = await startFakeRegistry();
    await registry[Symbol.asyncDispose]();
    await assert.rejects(
      readImage(named(registry), transport()),
      userError(/does not answer \(ECONNREFUSED\)/, /make up/, /make down/),
    );
  });

  test("503 is tried again, and Retry-After is obeyed", { timeout: 30_000 }, async () => {
    // Its own pauses would take longer than the test may.
    const patient = new Transport({ backoffMs: 60_000, attempts: 3, dockerConfig: "no-such-folder" });
    for (const retryAfter of ["0", new Date(0).toUTCString()]) {
      await using registry = await startFakeRegistry();
      registry.image("one", []);
      let failures = 2;
      registry.intercept = (_, response) => {
        if (failures-- <= 0) return false;
        response.writeHead(503, { "retry-after": retryAfter }).end();
        return true;
      };
      await readImage(named(registry), patient);
      assert.equal(registry.requests.filter((line) => line.includes("manifests/one")).length, 3);
    }
  });

  test("what may pass is tried again, what is refused is not", async () => {
    for (const status of [408, 425, 429, 500, 502, 504, 400, 403, 405]) {
      await using registry = await startFakeRegistry();
      registry.intercept = (_, response) => {
        response.writeHead(status).end();
        return true;
      };
      await assert.rejects(readImage(named(registry), transport()), userError(new RegExp(`${status}`)));
      const isPassing = ![400, 403, 405].includes(status);
      assert.equal(registry.requests.length, isPassing ? 3 : 1, `${status}`);
    }
  });

  test("Retry-After may be a date, and nobody asks before it", async () => {
    await using registry = await startFakeRegistry();
    registry.image("one", []);
    let failed = 0;
    registry.intercept = (_, response) => {
      if (failed > 0) return false;
      failed = Date.now();
      // Dates have whole seconds.
      response.writeHead(429, { "retry-after": new Date(failed + 2_000).toUTCString() }).end();
      return true;
    };
    await readImage(named(registry), transport());
    assert.ok(Date.now() - failed >= 1_000, `${Date.now() - failed} ms`);
    assert.equal(registry.requests.filter((line) => line.includes("manifests/one")).length, 2);
  });

  test("503 without end is an error after the last attempt", async () => {
    await using registry = await startFakeRegistry();
    registry.intercept = (_, response) => {
      response.writeHead(503).end();
      return true;
    };
    await assert.rejects(readImage(named(registry), transport()), userError(/503/));
    assert.equal(registry.requests.length, 3);
  });

  test("a connection that is reset is tried again", async () => {
    await using registry = await startFakeRegistry();
    registry.image("one", []);
    let failures = 1;
    registry.intercept = (request) => {
      if (failures-- <= 0) return false;
      request.socket.destroy();
      return true;
    };
    const { digest } = await readImage(named(registry), transport());
    assert.ok(registry.content.has(`manifests/${digest}`));
    assert.equal(registry.requests.filter((line) => line.includes("manifests/one")).length, 2);
  });

  test("a registry that says nothing is given up", async () => {
    await using registry = await startFakeRegistry();
    registry.intercept = () => true;
    const impatient = new Transport({
      backoffMs: 1,
      timeoutMs: 50,
      attempts: 2,
      dockerConfig: "no-such-folder",
    });
    await assert.rejects(readImage(named(registry), impatient), userError(/does not answer \(ETIMEDOUT\)/));
  });

  test("a manifest with another digest is refused", async () => {
    await using registry = await startFakeRegistry();
    const { digest } = registry.image("one", []);
    registry.content.set(`manifests/${digest}`, { mediaType: "application/json", bytes: Buffer.from("{}") });
    await assert.rejects(
      readImage(named(registry, `@${digest}`), transport()),
      userError(/has the digest sha256:/),
    );
  });

  test("something else than an image is refused", async () => {
    await using registry = await startFakeRegistry();
    registry.content.set("manifests/one", { mediaType: "text/html", bytes: Buffer.from("<html>") });
    await assert.rejects(readImage(named(registry), transport()), userError(/not one of a container image/));
  });
});

describe("openLayer", () => {
  const content = async () => makeTar([{ name: "file", content: Buffer.alloc(300_000, "strata") }]);

  for (const [name, mediaType, compress] of [
    ["plain", TAR, (bytes: Buffer) => bytes],
    ["gzip", `${TAR}+gzip`, (bytes: Buffer) => gzipSync(bytes)],
    [
      "Docker's gzip",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      (bytes: Buffer) => gzipSync(bytes),
    ],
    ["zstd", `${TAR}+zstd`, (bytes: Buffer) => zstdCompressSync(bytes)],
  ] as const) {
    test(`unpacks ${name}`, async () => {
      await using registry = await startFakeRegistry();
      const tar = await content();
      const packed = compress(tar);
      const layer = registry.blob(mediaType, packed);
      let count = 0;
      const stream = openLayer(
        named(registry),
        layer,
        (bytes) => {
          count += bytes;
        },
        transport(),
      );
      assert.ok((await buffer(stream)).equals(tar));
      assert.equal(count, packed.length);
    });
  }

  test("bytes that differ from the digest end in an error", async () => {
    await using registry = await startFakeRegistry();
    const layer = registry.blob(TAR, await content());
    const damaged = Buffer.from(await content());
    damaged[1000] = 88;
    registry.content.set(`blobs/${layer.digest}`, { mediaType: TAR, bytes: damaged });
    await assert.rejects(
      buffer(openLayer(named(registry), layer, undefined, transport())),
      userError(/has the digest/),
    );
  });

  test("a blob that stays short ends in an error", async () => {
    await using registry = await startFakeRegistry();
    const bytes = await content();
    const layer = registry.blob(TAR, bytes);
    registry.content.set(`blobs/${layer.digest}`, { mediaType: TAR, bytes: bytes.subarray(0, 5000) });
    await assert.rejects(
      buffer(openLayer(named(registry), layer, undefined, transport())),
      userError(/broke off after 5000 of [0-9]+ bytes/),
    );
  });

  test("a blob that is too long ends in an error", async () => {
    await using registry = await startFakeRegistry();
    const bytes = await content();
    const layer = registry.blob(TAR, bytes);
    registry.content.set(`blobs/${layer.digest}`, { mediaType: TAR, bytes: Buffer.concat([bytes, bytes]) });
    await assert.rejects(
      buffer(openLayer(named(registry), layer, undefined, transport())),
      userError(/is longer than/),
    );
  });

  for (const honoursRange of [true, false]) {
    test(`a broken download goes on, ranges ${honoursRange ? "honoured" : "ignored"}`, async () => {
      await using registry = await startFakeRegistry();
      const bytes = await content();
      const layer = registry.blob(TAR, bytes);
      const ranges: (string | undefined)[] = [];
      registry.intercept = (request, response) => {
        ranges.push(request.headers.range);
        const from = Number(/bytes=([0-9]+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
        if (ranges.length === 1) {
          response.writeHead(200, { "content-length": bytes.length });
          response.write(bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20));
        } else if (honoursRange) {
          response.writeHead(206).end(bytes.subarray(from));
        } else {
          response.writeHead(200).end(bytes);
        }
        return true;
      };
      assert.ok((await buffer(openLayer(named(registry), layer, undefined, transport()))).equals(bytes));
      assert.equal(ranges.length, 2);
      assert.match(ranges[1] ?? "", /^bytes=[1-9][0-9]*-$/);
    });
  }

  test("a media type that is no tar is refused", async () => {
    await using registry = await startFakeRegistry();
    const layer = registry.blob("application/wasm", Buffer.from("x"));
    assert.throws(
      () => openLayer(named(registry), layer, undefined, transport()),
      userError(/application\/wasm/),
    );
  });
});

test("a size is the manifest's word: the configuration is not fetched for it", async () => {
  await using registry = await startFakeRegistry();
  registry.image("one", [
    { mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: Buffer.from("x".repeat(99)) },
  ]);
  const { bytes } = await readImage(named(registry), transport());
  registry.requests.length = 0;
  assert.equal(await readSize(named(registry), transport()), bytes);
  assert.equal(registry.requests.length, 1, registry.requests.join("\n"));
});

test("imageExists asks with HEAD", async () => {
  await using registry = await startFakeRegistry();
  registry.image("one", []);
  assert.equal(await imageExists(named(registry), transport()), true);
  assert.equal(await imageExists(named(registry, ":two"), transport()), false);
  assert.ok(registry.requests.every((line) => line.startsWith("HEAD ")));
});

test("listTags follows the pages", async () => {
  await using registry = await startFakeRegistry();
  registry.intercept = (request, response) => {
    const isFirst = !request.url?.includes("last=");
    const link = `</v2/${REPOSITORY}/tags/list?n=2&last=b>; rel="next"`;
    response.writeHead(200, isFirst ? { link } : {});
    response.end(JSON.stringify({ name: REPOSITORY, tags: isFirst ? ["a", "b"] : ["c"] }));
    return true;
  };
  assert.deepEqual(await listTags(named(registry), transport()), ["a", "b", "c"]);
  registry.intercept = () => false;
  assert.deepEqual(await listTags(named(registry), transport()), []);
});
