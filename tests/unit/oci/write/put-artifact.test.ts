import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptorOf } from "../../../../oci/blob-digest.ts";
import { INDEX_TYPE, MANIFEST_TYPE } from "../../../../oci/manifest.ts";
import { parseReference } from "../../../../oci/references.ts";
import { putManifest } from "../../../../oci/write/put.ts";
import {
  artifactManifest,
  attachArtifacts,
  putReferrer,
  subjectOf,
} from "../../../../oci/write/put-artifact.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const TYPE = "application/vnd.strata.test.v1+json";
const payload = { mediaType: TYPE, bytes: Buffer.from('"word"') };
const subject = { mediaType: MANIFEST_TYPE, digest: `sha256:${"a".repeat(64)}`, size: 1 };
const LIST = `manifests/sha256-${"a".repeat(64)}`;
const parsed = (bytes: Buffer | undefined) => JSON.parse(String(bytes));

test("an artifact is one document, with its annotations in order; its subject only where there is one", () => {
  const artifact = { artifactType: TYPE, payload, annotations: { b: "2", c: "3", a: "1" } };
  const { mediaType, bytes } = artifactManifest(artifact);
  assert.equal(mediaType, MANIFEST_TYPE);
  assert.match(bytes.toString(), /"annotations":\{"a":"1","b":"2","c":"3"\}/);
  const { config, ...rest } = parsed(bytes);
  assert.equal(config.size, 2);
  assert.deepEqual(rest, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: TYPE,
    layers: [descriptorOf(payload)],
    annotations: artifact.annotations,
  });
  assert.deepEqual(parsed(artifactManifest({ ...artifact, subject }).bytes).subject, subject);
  assert.deepEqual(
    subjectOf({ mediaType: "m", digest: subject.digest, bytes: Buffer.from("123"), document: {} }),
    { mediaType: "m", digest: subject.digest, size: 3 },
  );
});

test("what the list says of an artifact: its type, or that of its configuration, and its annotations", async () => {
  await using registry = await startFakeRegistry();
  const target = parseReference(`${registry.host}/${REPOSITORY}:x`);
  const config = { mediaType: "application/vnd.config", digest: subject.digest, size: 2 };
  const manifest = (more: object) => ({
    mediaType: MANIFEST_TYPE,
    bytes: Buffer.from(JSON.stringify({ config, layers: [], subject, ...more })),
  });
  const typed = manifest({ artifactType: TYPE, annotations: { a: "b" } });
  const plain = manifest({});
  for (const each of [typed, plain, typed])
    assert.equal(await putReferrer(quickTransport(), target, each), descriptorOf(each).digest);
  const list = registry.content.get(LIST);
  assert.equal(list?.mediaType, INDEX_TYPE);
  assert.deepEqual(parsed(list?.bytes), {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [
      { ...descriptorOf(typed), artifactType: TYPE, annotations: { a: "b" } },
      { ...descriptorOf(plain), artifactType: config.mediaType },
    ],
  });
});

test("no list is kept of what is about nothing, nor where the registry keeps its own", async () => {
  await using registry = await startFakeRegistry();
  const target = parseReference(`${registry.host}/${REPOSITORY}:x`);
  const artifact = { artifactType: TYPE, payload, annotations: {} };
  await putReferrer(quickTransport(), target, artifactManifest(artifact));
  registry.behaviour = { referrers: "listed" };
  await putReferrer(quickTransport(), target, artifactManifest({ ...artifact, subject }));
  assert.equal(registry.requests.length, 2);
  assert.ok(!registry.content.has(LIST));
});

test("what is attached at once is in the list by one write, and what is there already by none", async (t) => {
  await using registry = await startFakeRegistry();
  const target = parseReference(`${registry.host}/${REPOSITORY}:x`);
  const image = { mediaType: MANIFEST_TYPE, bytes: Buffer.from('{"config":{},"layers":[]}') };
  const { digest } = descriptorOf(image);
  await putManifest(quickTransport(), target, digest, image);
  const transport = quickTransport();
  const settled = t.mock.method(transport, "settle");
  const attach = (...names: string[]) =>
    attachArtifacts(
      `${registry.host}/${REPOSITORY}@${digest}`,
      names.map((name) => ({ artifactType: TYPE, payload, annotations: { name } })),
      transport,
    );
  const writes = () => registry.requests.filter((line) => /^PUT .*manifests\/sha256-/.test(line)).length;
  const [a = "", b = ""] = await attach("a", "b");
  assert.deepEqual([writes(), settled.mock.callCount()], [1, 1]);
  const [again, c] = await attach("b", "c");
  assert.deepEqual([writes(), settled.mock.callCount(), again], [2, 2, b]);
  await attach("a", "c");
  assert.deepEqual([writes(), settled.mock.callCount()], [2, 2]);
  const list = parsed(registry.content.get(`manifests/${digest.replace(":", "-")}`)?.bytes);
  assert.deepEqual(
    list.manifests.map((each: { digest: string }) => each.digest),
    [a, b, c],
  );
});

test("a list that others keep changing is an error after five times", async () => {
  await using registry = await startFakeRegistry();
  const target = parseReference(`${registry.host}/${REPOSITORY}:x`);
  registry.intercept = ({ method, url }, response) => {
    if (method !== "PUT" || !url?.includes("sha256-")) return false;
    response.writeHead(201).end();
    return true;
  };
  const manifest = artifactManifest({ artifactType: TYPE, payload, annotations: {}, subject });
  await assert.rejects(putReferrer(quickTransport(), target, manifest), {
    path: `${registry.host}/${REPOSITORY}:x@${subject.digest}`,
    problem: /others keep changing the list/,
  });
  assert.equal(registry.requests.filter((line) => /^PUT .*sha256-/.test(line)).length, 5);
});
