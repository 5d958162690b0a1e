import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findEvidence, storeEvidence } from "../../../../tools/promotion/evidence-store.ts";
import { sessionsIn } from "../../../../tools/promotion/sessions.ts";
import { checksKey, daysAgo, evidenceFor } from "../../../support/evidence.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { quickTransport } from "../../oci/support/transport.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { promoting, writes } from "../promotion/support/promoting.ts";

async function setting(t: TestContext) {
  const made = await promoting(t);
  const target = await startFakeRegistry();
  t.after(() => target[Symbol.asyncDispose]());
  const name = `${target.host}/${REPOSITORY}`;
  const sessions = sessionsIn(join(temporaryFolder(t), "uploads"));
  const copy = (evidence: object = made.evidence) =>
    made.run(
      evidence,
      { STRATA_TAGS: "latest stable" },
      { target: { repository: name, tag: "product-starter-1" }, sessions },
    );
  const tags = ({ content }: FakeRegistry) =>
    [...content.keys()].filter((key) => /^manifests\/(?!sha256[:-])/.test(key)).sort();
  return { made, target, name, copy, tags };
}

test("a copy has the digest, the evidence and the tags of the original, and a tag of its own to stay", async (t) => {
  const { made, target, name, copy, tags } = await setting(t);
  const { code, stdout, stderr } = await copy();
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `${name}:latest\n${name}:stable`);
  const { digest } = made.evidence;
  const original = made.registry.content.get(`manifests/${digest}`);
  for (const tag of ["latest", "stable", "product-starter-1"])
    assert.deepEqual(target.content.get(`manifests/${tag}`)?.bytes, original?.bytes, tag);
  assert.deepEqual(
    tags(target),
    ["latest", "product-starter-1", "promotions-latest", "promotions-stable", "stable"].map(
      (tag) => `manifests/${tag}`,
    ),
  );
  const found = await findEvidence(`${name}@${digest}`, { checksKey }, quickTransport());
  assert.deepEqual(found?.evidence, made.evidence);
  assert.match(stderr, /@sha256:\w+: 2 blobs sent \(\d+ B\), 0 mounted, 0 there; the same digest/);
  assert.equal((await made.listing("latest")).current, null, "the original's own tags are another's matter");
});

test("the same again sends nothing; new evidence follows", async (t) => {
  const { made, target, copy, name } = await setting(t);
  await copy();
  writes({ registry: target });
  assert.equal((await copy()).code, 0);
  assert.deepEqual(writes({ registry: target }), []);
  const newer = evidenceFor(made.reference, { startedAt: daysAgo(0) });
  const digest = await storeEvidence(newer, quickTransport());
  assert.equal((await copy(newer)).code, 0);
  const found = await findEvidence(`${name}@${made.evidence.digest}`, { checksKey }, quickTransport());
  assert.equal(found?.digest, digest);
});

test("the image of models that belongs to a product goes there before it, under its own tag", async (t) => {
  const { made, target, name, tags } = await setting(t);
  const models = (await made.image("models")).reference;
  const library = { reference: models, tag: "product-starter-library-1" };
  const sessions = sessionsIn(join(temporaryFolder(t), "uploads"));
  const to = { repository: name, tag: "product-starter-1" };
  const { code, stderr } = await made.run(made.evidence, {}, { target: to, sessions, library });
  assert.equal(code, 0, stderr);
  const digest = models.split("@")[1];
  const copied = target.content.get("manifests/product-starter-library-1")?.bytes;
  assert.deepEqual(copied, made.registry.content.get(`manifests/${digest}`)?.bytes);
  assert.deepEqual(
    tags(target).filter((tag) => tag.includes("product-")),
    ["manifests/product-starter-1", "manifests/product-starter-library-1"],
  );
  const stored = target.requests.filter(
    (request) => request.startsWith("PUT") && request.includes("/manifests/"),
  );
  assert.match(
    stored[0] ?? "",
    new RegExp(`${digest}$`),
    "a tag may never point at a product without its models",
  );
});

test("without evidence that moves a tag nothing is copied", async (t) => {
  const { made, target, copy } = await setting(t);
  for (const evidence of [
    evidenceFor(made.reference, { seconds: 42 }),
    (await made.image("another")).evidence,
    {},
  ]) {
    const { code, stdout } = await copy(evidence);
    assert.equal(code, 1);
    assert.equal(stdout, "");
  }
  assert.deepEqual(target.requests, []);
});

test("a target that goes away in the middle is told of, leaves nothing by half, and the next run ends it", async (t) => {
  const { target, copy, tags } = await setting(t);
  let stored = 0;
  target.intercept = ({ method, url }, response) => {
    if (stored === 0) {
      if (method === "PUT" && url?.includes("/uploads/")) stored++;
      return false;
    }
    response.writeHead(503).end();
    return true;
  };
  const broken = await copy();
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /answered 503 for the/);
  assert.doesNotMatch(broken.stderr, /this is a bug/);
  assert.deepEqual(tags(target), []);
  target.intercept = () => false;
  const next = await copy();
  assert.equal(next.code, 0, next.stderr);
  assert.match(next.stderr, /1 blobs sent .*, 0 mounted, 1 there/);
});
