import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { digestOf } from "../../../../oci/blob-digest.ts";
import { parseReference } from "../../../../oci/references.ts";
import { hasBlob, putBlob, putManifest, uploadPath } from "../../../../oci/write/put.ts";
import { ensureBlob } from "../../../../oci/write/upload.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const bytes = Buffer.from("{}");
const content = { mediaType: "application/test", bytes };

/** A registry that answers each request with what `answers` says of its method, 404 for others. */
async function answering(answers: Record<string, { status: number; headers?: Record<string, string> }>) {
  const registry = await startFakeRegistry();
  const asked: string[] = [];
  registry.intercept = async (request, response) => {
    const { method = "", url, headers } = request;
    asked.push(`${method} ${url} ${headers["content-type"] ?? ""} ${await text(request)}`);
    const { status, headers: said } = answers[method] ?? { status: 404 };
    response.writeHead(status, said).end();
    return true;
  };
  return {
    asked,
    target: parseReference(`${registry.host}/${REPOSITORY}:one`),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

test("a blob is there, is not there, or nobody can say", async () => {
  for (const [status, expected] of [
    [200, true],
    [404, false],
  ] as const) {
    await using registry = await answering({ HEAD: { status } });
    assert.equal(await hasBlob(quickTransport(), registry.target, "sha256:a"), expected);
    assert.deepEqual(registry.asked, [`HEAD /v2/${REPOSITORY}/blobs/sha256:a  `]);
  }
  await using registry = await answering({ HEAD: { status: 403 } });
  await assert.rejects(
    hasBlob(quickTransport(), registry.target, "sha256:a"),
    /answered 403 for the blob sha256:a/,
  );
});

test("a blob is sent to where the registry says; what is there already is not sent", async () => {
  const location = "https://wrong.invalid/v2/up/1?state=s";
  await using registry = await answering({
    POST: { status: 202, headers: { location } },
    PUT: { status: 201 },
  });
  const blob = { mediaType: content.mediaType, digest: digestOf(bytes), size: 2 };
  assert.deepEqual(await putBlob(quickTransport(), registry.target, content), blob);
  assert.deepEqual(registry.asked.slice(1), [
    `POST /v2/${REPOSITORY}/blobs/uploads/  `,
    `PUT /v2/up/1?state=s&digest=${encodeURIComponent(blob.digest)} application/octet-stream {}`,
  ]);
  await using full = await answering({ HEAD: { status: 200 } });
  assert.deepEqual(await putBlob(quickTransport(), full.target, content), blob);
  assert.equal(full.asked.length, 1);
});

test("an upload that is refused is told of, at its beginning and at its end", async () => {
  await using closed = await answering({ POST: { status: 200 } });
  await assert.rejects(putBlob(quickTransport(), closed.target, content), /answered 200 for the upload/);
  await using full = await answering({
    POST: { status: 202, headers: { location: "/u" } },
    PUT: { status: 200 },
  });
  await assert.rejects(putBlob(quickTransport(), full.target, content), /answered 200 for the blob/);
});

test("of where an upload goes on path and query count, where the registry names itself wrongly", () => {
  const target = { registry: "r.invalid", repository: "a/b" };
  const path = (location?: string, digest?: string, elsewhere?: string) =>
    uploadPath(target, { headers: new Headers(location ? { location } : {}), elsewhere }, digest);
  assert.equal(path("http://internal.invalid:1/v2/a/b?c=d"), "/v2/a/b?c=d");
  assert.equal(path("https://r.invalid/artifacts-uploads/x?c=d"), "/artifacts-uploads/x?c=d");
  assert.equal(path("/a", "sha256:e"), "/a?digest=sha256%3Ae");
  assert.equal(path("1?state=s"), "/v2/a/b/blobs/uploads/1?state=s");
  assert.throws(() => path(), /r\.invalid does not say where to send an upload/);
  assert.throws(() => path("http://"), /r\.invalid does not say where to send an upload/);
  for (const location of [
    "https://bucket.s3.invalid/up?sign=1",
    "//bucket.s3.invalid/up",
    "http://bucket.s3.invalid/V2/",
  ])
    assert.throws(
      () => path(location),
      /r\.invalid wants its uploads sent to bucket\.s3\.invalid\./,
      location,
    );
  assert.throws(() => path("/v2/a/b/blobs/uploads/1", undefined, "b.invalid"), /sent to b\.invalid/);
});

test("a registry that redirects an upload to another one is told of, and nothing goes to either", async () => {
  // containerd/containerd#11949: A redirects the POST to B, which begins the upload and names a path of its own.
  await using other = await startFakeRegistry();
  await using registry = await startFakeRegistry();
  registry.intercept = (request, response) => {
    if (request.method !== "POST") return false;
    response.writeHead(307, { location: `http://${other.host}${request.url}` }).end();
    return true;
  };
  const target = parseReference(`${registry.host}/${REPOSITORY}:one`);
  const blob = { mediaType: "m", digest: digestOf(bytes), size: bytes.length };
  const read = async function* () {
    yield bytes;
  };
  const named = new RegExp(`wants its uploads sent to ${other.host}`);
  await assert.rejects(putBlob(quickTransport(), target, content), named);
  await assert.rejects(ensureBlob(quickTransport(), target, blob, { read }), named);
  for (const { requests } of [registry, other])
    assert.deepEqual(
      requests.filter((request) => /^P(UT|ATCH)/.test(request)),
      [],
    );
});

test("a manifest goes under its name with its type; the answer's headers come back", async () => {
  await using registry = await answering({
    PUT: { status: 201, headers: { "docker-content-digest": digestOf(bytes), a: "b" } },
  });
  const headers = await putManifest(quickTransport(), registry.target, "two", content);
  assert.equal(headers.get("a"), "b");
  assert.deepEqual(registry.asked, [`PUT /v2/${REPOSITORY}/manifests/two application/test {}`]);
  await using silent = await answering({ PUT: { status: 201 } });
  await putManifest(quickTransport(), silent.target, "two", content);
});

test("a manifest that is refused, or stored as another, is told of by the name that it has", async () => {
  await using refusing = await answering({ PUT: { status: 200 } });
  await assert.rejects(
    putManifest(quickTransport(), refusing.target, "two", content),
    /200 for the manifest/,
  );
  await assert.rejects(
    putManifest(quickTransport(), refusing.target, "two", content, "tag"),
    /200 for the tag/,
  );
  const other = `sha256:${"0".repeat(64)}`;
  await using changing = await answering({
    PUT: { status: 201, headers: { "docker-content-digest": other } },
  });
  const { registry } = changing.target;
  for (const [name, path] of [
    ["two", `${registry}/${REPOSITORY}:two`],
    [other, `${registry}/${REPOSITORY}@${other}`],
  ] as const)
    await assert.rejects(putManifest(quickTransport(), changing.target, name, content), { path });
});
