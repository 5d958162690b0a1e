import assert from "node:assert/strict";
import { test } from "node:test";
import { INDEX_TYPE, MANIFEST_TYPES } from "../../../../oci/manifest.ts";
import { readArtifact } from "../../../../oci/read/artifact.ts";
import { fallbackTag, listInTag, listReferrers } from "../../../../oci/read/referrers.ts";
import { parseReference } from "../../../../oci/references.ts";
import { attachArtifact } from "../../../../oci/write/put-artifact.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const TYPE = "application/vnd.strata.test.v1+json";
const artifact = (text: string, type = TYPE) => ({
  artifactType: type,
  payload: { mediaType: type, bytes: Buffer.from(JSON.stringify(text)) },
  annotations: { "strata.word": text, "strata.first": "1" },
});

function image(registry: FakeRegistry, text = "image") {
  const layers = [{ mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: Buffer.from(text) }];
  const subject = registry.image(text, layers);
  return { subject, reference: `${registry.host}/${REPOSITORY}@${subject.digest}` };
}
const at = (registry: FakeRegistry, digest: string) => `${registry.host}/${REPOSITORY}@${digest}`;
const fallback = (digest: string) => `manifests/${digest.replace(":", "-")}`;

for (const hasReferrers of [true, false]) {
  const where = hasReferrers ? "with the referrers API" : "without it, in a list under a tag";

  test(`what is attached is found by its subject, ${where}`, async () => {
    await using registry = await startFakeRegistry();
    registry.behaviour = hasReferrers ? { referrers: "listed" } : {};
    const { subject, reference } = image(registry);
    const other = image(registry, "other");
    const digests = [];
    for (const word of ["one", "two"])
      digests.push(await attachArtifact(reference, artifact(word), quickTransport()));
    await attachArtifact(other.reference, artifact("elsewhere"), quickTransport());
    await attachArtifact(reference, artifact("x", "application/vnd.other"), quickTransport());

    const found = await listReferrers(reference, TYPE, quickTransport());
    assert.deepEqual(found.map(({ digest }) => digest).sort(), digests.toSorted());
    for (const descriptor of found) {
      assert.equal(descriptor.artifactType, TYPE);
      const read = await readArtifact(at(registry, descriptor.digest), quickTransport());
      assert.deepEqual(read.subject, subject);
      assert.equal(JSON.parse(read.payload.toString()), descriptor.annotations?.["strata.word"]);
    }
    assert.equal(registry.content.has(fallback(subject.digest)), !hasReferrers);
    assert.deepEqual(await listReferrers(image(registry, "bare").reference, TYPE, quickTransport()), []);
  });

  test(`the same artifact attached twice is one, ${where}`, async () => {
    await using registry = await startFakeRegistry();
    registry.behaviour = hasReferrers ? { referrers: "listed" } : {};
    const { reference } = image(registry);
    const first = await attachArtifact(reference, artifact("one"), quickTransport());
    assert.equal(await attachArtifact(reference, artifact("one"), quickTransport()), first);
    assert.equal((await listReferrers(reference, TYPE, quickTransport())).length, 1);
  });
}

test("the manifest is an OCI 1.1 artifact, and annotations in another order make the same one", async () => {
  await using registry = await startFakeRegistry();
  const { subject, reference } = image(registry);
  const { annotations, ...rest } = artifact("one");
  const digest = await attachArtifact(reference, { ...rest, annotations }, quickTransport());
  const reversed = Object.fromEntries(Object.entries(annotations).toReversed());
  assert.equal(await attachArtifact(reference, { ...rest, annotations: reversed }, quickTransport()), digest);
  const document = JSON.parse(registry.content.get(`manifests/${digest}`)?.bytes.toString() ?? "");
  assert.deepEqual(document.config, {
    mediaType: "application/vnd.oci.empty.v1+json",
    digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    size: 2,
  });
  assert.equal(document.artifactType, TYPE);
  assert.deepEqual(document.subject, subject);
});

test("somebody who writes the list at the same moment does not make ours disappear", async () => {
  await using registry = await startFakeRegistry();
  const { subject, reference } = image(registry);
  const theirs = await attachArtifact(reference, artifact("theirs"), quickTransport());
  const stale = registry.content.get(fallback(subject.digest));
  assert.ok(stale);
  let overwritten = 0;
  registry.intercept = (request) => {
    // Between our writing and our looking again they write what they had read before.
    const looks = request.method === "GET" && request.url?.endsWith(fallback(subject.digest));
    const wroteTwo = registry.content.get(fallback(subject.digest)) !== stale;
    if (looks && wroteTwo && overwritten++ === 0) registry.content.set(fallback(subject.digest), stale);
    return false;
  };
  const ours = await attachArtifact(reference, artifact("ours"), quickTransport());
  assert.equal(overwritten > 0, true);
  const found = await listReferrers(reference, TYPE, quickTransport());
  assert.deepEqual(found.map(({ digest }) => digest).sort(), [theirs, ours].sort());
});

test("somebody who writes the list after we have seen ourselves in it does not make ours disappear", async () => {
  await using registry = await startFakeRegistry();
  const { subject, reference } = image(registry);
  const theirs = await attachArtifact(reference, artifact("theirs"), quickTransport());
  const stale = registry.content.get(fallback(subject.digest));
  assert.ok(stale);
  // They read the list before ours was in it, and write it once we have looked.
  const transport = quickTransport();
  let overwritten = 0;
  transport.settle = async () => {
    if (overwritten++ === 0) registry.content.set(fallback(subject.digest), stale);
  };
  const ours = await attachArtifact(reference, artifact("ours"), transport);
  assert.equal(overwritten, 2);
  const found = await listReferrers(reference, TYPE, quickTransport());
  assert.deepEqual(found.map(({ digest }) => digest).sort(), [theirs, ours].sort());
});

test("what is in the list already is not looked for twice, and a list that never keeps it is an error", async () => {
  await using registry = await startFakeRegistry();
  const { subject, reference } = image(registry);
  await attachArtifact(reference, artifact("one"), quickTransport());
  const transport = quickTransport();
  transport.settle = () => assert.fail("waited");
  await attachArtifact(reference, artifact("one"), transport);
  const kept = registry.content.get(fallback(subject.digest)) ?? assert.fail();
  let writes = 0;
  registry.intercept = (request) => {
    const isList = request.url?.endsWith(fallback(subject.digest));
    if (isList && request.method === "PUT") writes++;
    if (isList && request.method === "GET") registry.content.set(fallback(subject.digest), kept);
    return false;
  };
  await assert.rejects(
    attachArtifact(reference, artifact("two"), quickTransport()),
    /others keep changing the list/,
  );
  assert.equal(writes, 5);
});

test("a registry that answers the list's tag with the subject itself has nothing attached", async () => {
  await using registry = await startFakeRegistry();
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...image(registry).subject, artifactType: TYPE }],
  };
  const { digest } = registry.manifest("multi", index);
  registry.content.set(fallback(digest), registry.content.get("manifests/multi") ?? assert.fail());
  assert.deepEqual(await listReferrers(at(registry, digest), TYPE, quickTransport()), []);
});

test("pages of the list are followed; what is no list means that there is no such interface", async () => {
  await using registry = await startFakeRegistry();
  const { reference } = image(registry);
  const digests = [
    await attachArtifact(reference, artifact("one"), quickTransport()),
    await attachArtifact(reference, artifact("two"), quickTransport()),
  ];
  const entry = (digest: string | undefined) => ({ mediaType: "m", digest, size: 1, artifactType: TYPE });
  registry.intercept = (request, response) => {
    const url = new URL(request.url ?? "", "http://registry");
    if (!url.pathname.includes("/referrers/")) return false;
    const last = url.searchParams.has("last");
    const headers = last ? {} : { link: '<?last=1>; rel="next"' };
    response.writeHead(200, headers);
    const mediaType = "application/vnd.oci.image.index.v1+json";
    response.end(JSON.stringify({ mediaType, manifests: [entry(digests[last ? 1 : 0])] }));
    return true;
  };
  const found = await listReferrers(reference, TYPE, quickTransport());
  assert.deepEqual(
    found.map(({ digest }) => digest),
    digests,
  );
  registry.intercept = (request, response) => {
    if (!request.url?.includes("/referrers/")) return false;
    response.end("<html>welcome</html>");
    return true;
  };
  assert.equal((await listReferrers(reference, TYPE, quickTransport())).length, 2);
});

test("a registry that refuses or is in trouble is an error, not an empty list", async () => {
  await using registry = await startFakeRegistry();
  const { reference } = image(registry);
  for (const where of ["/referrers/", "/manifests/sha256-"])
    for (const status of where === "/referrers/" ? [401, 429, 500, 503] : [401, 403, 429, 500, 501, 503]) {
      registry.intercept = (request, response) => {
        if (!request.url?.includes(where)) return false;
        response.writeHead(status).end();
        return true;
      };
      await assert.rejects(
        listReferrers(reference, TYPE, quickTransport()),
        new RegExp(`answered ${status} for the list of what is attached`),
      );
    }
});

test("403 and 501 are how some say that they have no such interface: the tag is asked, and may refuse", async () => {
  await using registry = await startFakeRegistry();
  const { reference } = image(registry);
  const digest = await attachArtifact(reference, artifact("one"), quickTransport());
  for (const status of [403, 404, 405, 501]) {
    let isClosed = false;
    registry.intercept = (request, response) => {
      if (!request.url?.includes("/referrers/") && !isClosed) return false;
      response.writeHead(status === 404 && isClosed ? 403 : status).end();
      return true;
    };
    const found = await listReferrers(reference, TYPE, quickTransport());
    assert.deepEqual(
      found.map((descriptor) => descriptor.digest),
      [digest],
      `${status}`,
    );
    isClosed = true;
    await assert.rejects(
      listReferrers(reference, TYPE, quickTransport()),
      /for the list of what is attached/,
    );
  }
});

test("another host that a registry leads to, as GHCR does, is not asked: the list is in the tag", async () => {
  await using registry = await startFakeRegistry();
  await using elsewhere = await startFakeRegistry();
  elsewhere.intercept = (_, response) => {
    response.writeHead(429).end();
    return true;
  };
  registry.behaviour = {
    referrers: "elsewhere",
    referrersAddress: `http://${elsewhere.host}/-/v2/packages/container/package/x%2Freferrers%2Fsha256`,
  };
  const { reference } = image(registry);
  const digest = await attachArtifact(reference, artifact("one"), quickTransport());
  const found = await listReferrers(reference, TYPE, quickTransport());
  assert.deepEqual(
    found.map((descriptor) => descriptor.digest),
    [digest],
  );
  assert.deepEqual(elsewhere.requests, []);
  assert.ok(!registry.requests.some((request) => request.includes("/-/v2/")));
});

test("a redirect within the registry is followed, by path or whole address, and not for ever", async () => {
  await using registry = await startFakeRegistry();
  registry.behaviour = { referrers: "listed" };
  const { reference } = image(registry);
  const digest = await attachArtifact(reference, artifact("one"), quickTransport());
  for (const own of ["", `http://${registry.host}`, "?"]) {
    registry.intercept = (request, response) => {
      if (!request.url?.includes("/referrers/") || request.url.includes("moved")) return false;
      response.writeHead(307, { location: own === "?" ? "?moved=1" : `${own}${request.url}?moved=1` }).end();
      return true;
    };
    const found = await listReferrers(reference, TYPE, quickTransport());
    assert.deepEqual(
      found.map((descriptor) => descriptor.digest),
      [digest],
      own,
    );
  }
  for (const location of ["?again=1", undefined, "http://"]) {
    registry.intercept = (request, response) => {
      if (!request.url?.includes("/referrers/")) return false;
      response.writeHead(307, location ? { location } : {}).end();
      return true;
    };
    assert.deepEqual(await listReferrers(reference, TYPE, quickTransport()), [], location);
  }
});

test("a list is asked for as what it is, and counts by its status and its type; so do its artifacts", async () => {
  await using registry = await startFakeRegistry();
  const { subject, reference } = image(registry);
  const accepts: (string | undefined)[] = [];
  const entry = (digit: string, artifactType?: string) => ({
    mediaType: "m",
    digest: `sha256:${digit.repeat(64)}`,
    size: 1,
    artifactType,
  });
  const manifests = [entry("1", TYPE), entry("2"), entry("3", "application/vnd.other")];
  const answer = { status: 200, body: { mediaType: INDEX_TYPE as string | undefined, manifests } };
  registry.intercept = (request, response) => {
    accepts.push(request.headers.accept);
    if (!request.url?.includes("/referrers/")) return false;
    response.writeHead(answer.status).end(JSON.stringify(answer.body));
    return true;
  };
  const found = async (type: string) =>
    (await listReferrers(reference, type, quickTransport())).map(({ digest }) => digest[7]);
  assert.deepEqual(await found("application/vnd.strata."), ["1"]);
  assert.deepEqual(accepts, [INDEX_TYPE]);
  for (const [status, mediaType] of [
    [400, INDEX_TYPE],
    [200, undefined],
    [200, "application/vnd.docker.distribution.manifest.list.v2+json"],
  ] as const) {
    Object.assign(answer, { status, body: { mediaType, manifests } });
    assert.deepEqual(await found(""), [], `${status} ${mediaType}`);
  }
  assert.equal(accepts.at(-1), MANIFEST_TYPES.join(", "));
  const target = parseReference(reference);
  const inTag = async () => (await listInTag(quickTransport(), target, subject.digest)).manifests;
  assert.deepEqual(await inTag(), []);
  for (const [bytes, expected] of [
    [registry.content.get("manifests/image")?.bytes, []],
    [Buffer.from("<html>"), []],
    [
      Buffer.from(JSON.stringify({ mediaType: INDEX_TYPE, manifests: [entry("1", TYPE)] })),
      [entry("1", TYPE)],
    ],
  ] as const) {
    registry.content.set(fallback(subject.digest), { mediaType: INDEX_TYPE, bytes: bytes ?? assert.fail() });
    assert.deepEqual(await inTag(), expected);
  }
});

test("the tag of the list is the digest, as far as a tag may be long", () => {
  assert.equal(fallbackTag(`sha256:${"a".repeat(64)}`), `sha256-${"a".repeat(64)}`);
  assert.equal(fallbackTag(`sha512:${"a".repeat(128)}`), `sha512-${"a".repeat(64)}`);
});

test("an image that is not there, and a reference without digest, have nothing attached to them", async () => {
  await using registry = await startFakeRegistry();
  const absent = at(registry, `sha256:${"0".repeat(64)}`);
  await assert.rejects(
    attachArtifact(absent, artifact("one"), quickTransport()),
    /answered 404 for the manifest/,
  );
  await assert.rejects(listReferrers(`${registry.host}/${REPOSITORY}:x`, TYPE), /has no digest/);
  assert.deepEqual(
    registry.requests.filter((request) => request.startsWith("P")),
    [],
  );
});

test("what is no artifact with one small document is refused", async () => {
  await using registry = await startFakeRegistry();
  const layer = (text: string) => ({ mediaType: TYPE, bytes: Buffer.from(text) });
  registry.image("none", []);
  registry.image("two", [layer("1"), layer("2")]);
  registry.content.set("manifests/odd", { mediaType: "application/json", bytes: Buffer.from("[]") });
  const config = registry.blob("application/vnd.oci.empty.v1+json", Buffer.from("{}"));
  const large = { mediaType: TYPE, digest: `sha256:${"0".repeat(64)}`, size: 16 * 2 ** 20 + 1 };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  registry.manifest("large", { schemaVersion: 2, mediaType, config, layers: [large] } as {
    mediaType: string;
  });
  for (const tag of ["none", "two", "odd", "large"]) {
    const reference = `${registry.host}/${REPOSITORY}:${tag}`;
    await assert.rejects(readArtifact(reference, quickTransport()), /is no artifact with one document/, tag);
  }
  registry.image("plain", [layer("1")]);
  const read = await readArtifact(`${registry.host}/${REPOSITORY}:plain`, quickTransport());
  assert.deepEqual([read.annotations, read.payload.toString()], [{}, "1"]);
});
