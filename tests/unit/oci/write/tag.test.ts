import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOfTag, tagManifest } from "../../../../oci/write/tag.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const named = (registry: FakeRegistry, rest = "") => `${registry.host}/${REPOSITORY}${rest}`;

test("where a tag points: asked with HEAD, and by the bytes where a registry does not say", async () => {
  await using registry = await startFakeRegistry();
  const { digest } = registry.image("one", []);
  assert.equal(await digestOfTag(named(registry, ":one"), quickTransport()), digest);
  assert.deepEqual(registry.requests, [`HEAD /v2/${REPOSITORY}/manifests/one`]);
  assert.equal(await digestOfTag(named(registry, ":two"), quickTransport()), undefined);
  const accepts: (string | undefined)[] = [];
  registry.intercept = (request, response) => {
    accepts.push(request.headers.accept);
    if (request.method !== "HEAD") return false;
    response.writeHead(200).end();
    return true;
  };
  assert.equal(await digestOfTag(named(registry, ":one"), quickTransport()), digest);
  assert.equal(await digestOfTag(named(registry, ":two"), quickTransport()), undefined);
  for (const accept of accepts) assert.match(accept ?? "", /vnd\.oci\.image\.index\.v1\+json/);
});

test("a registry that refuses says why with GET, and its header is not taken for an answer", async () => {
  await using registry = await startFakeRegistry();
  registry.intercept = ({ method }, response) => {
    response.writeHead(403, { "docker-content-digest": `sha256:${"0".repeat(64)}` });
    response.end(method === "HEAD" ? undefined : '{"errors":[{"code":"DENIED","message":"no"}]}');
    return true;
  };
  await assert.rejects(
    digestOfTag(named(registry, ":one"), quickTransport()),
    /answered 403 for the tag \(DENIED: no\)/,
  );
});

test("a tag is moved by the manifest's own bytes, and only to a digest", async () => {
  await using registry = await startFakeRegistry();
  const { digest } = registry.image("one", []);
  const moved = await tagManifest(named(registry, `@${digest}`), "latest", quickTransport());
  assert.equal(moved, named(registry, ":latest"));
  const at = (name: string) => registry.content.get(`manifests/${name}`);
  assert.deepEqual(at("latest")?.bytes, at(digest)?.bytes);
  assert.equal(at("latest")?.mediaType, at(digest)?.mediaType);
  await assert.rejects(tagManifest(named(registry, ":one"), "x", quickTransport()), /has no digest\./);
  registry.intercept = ({ method }, response) => {
    if (method !== "PUT") return false;
    response.writeHead(403).end();
    return true;
  };
  await assert.rejects(
    tagManifest(named(registry, `@${digest}`), "x", quickTransport()),
    /answered 403 for the tag/,
  );
});
