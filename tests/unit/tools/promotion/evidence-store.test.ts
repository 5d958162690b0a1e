/** Evidence in a registry: stored beside its image, kept, found again by what is asked of it. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Evidence, parseEvidence } from "../../../../lib/evidence/evidence.ts";
import {
  digestOfEvidence,
  findEvidence,
  forged,
  storedEvidence,
  storeEvidence,
} from "../../../../tools/promotion/evidence-store.ts";
import { checksKey, daysAgo, evidenceFor, onGpu } from "../../../support/evidence.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { quickTransport } from "../../oci/support/transport.ts";

async function setting(t: TestContext) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const image = (text: string) => {
    const bytes = Buffer.from(text);
    const { digest } = registry.image(text, [{ mediaType: "application/vnd.oci.image.layer.v1.tar", bytes }]);
    return `${registry.host}/${REPOSITORY}@${digest}`;
  };
  return { registry, image, reference: image("tested") };
}
const store = (evidence: Parameters<typeof storeEvidence>[0]) => storeEvidence(evidence, quickTransport());
const find = (reference: string, wish: Partial<Parameters<typeof findEvidence>[1]> = {}) =>
  findEvidence(reference, { checksKey, ...wish }, quickTransport());

test("what was stored is found, byte for byte, under the digest that storing gave", async (t) => {
  const { registry, reference } = await setting(t);
  const evidence = evidenceFor(reference, onGpu);
  const digest = await store(evidence);
  assert.deepEqual(await find(reference), { digest, evidence });
  const manifest = JSON.parse(registry.content.get(`manifests/${digest}`)?.bytes.toString() ?? "");
  assert.equal(manifest.artifactType, "application/vnd.strata.evidence.v3+json");
  assert.equal(manifest.subject.digest, evidence.digest);
  assert.equal(manifest.annotations["strata.gpu"], "NVIDIA L4");
});

test("the newest wins, the others stay, and the same one twice is one", async (t) => {
  const { reference } = await setting(t);
  const digests = [];
  for (const days of [1, 3, 2])
    digests.push(await store(evidenceFor(reference, { startedAt: daysAgo(days) })));
  assert.equal((await find(reference))?.digest, digests[0]);
  await store(evidenceFor(reference, { startedAt: (await find(reference))?.evidence.startedAt ?? "" }));
  const all = await storedEvidence(reference, quickTransport());
  assert.deepEqual(
    all.map(({ digest }) => digest),
    [digests[0], digests[2], digests[1]],
  );
});

const failing = (reference: string, more: Partial<Evidence> = {}) => {
  const [first, ...rest] = evidenceFor(reference).checks;
  assert.ok(first);
  const checks = [{ ...first, status: "fail" as const, reason: "broken" }, ...rest];
  return evidenceFor(reference, { verdict: "fail", checks, ...more });
};

test("evidence of a failure is kept, and an older pass does not outvote it; a newer one does", async (t) => {
  const { reference } = await setting(t);
  await store(evidenceFor(reference, { startedAt: daysAgo(3) }));
  await store(failing(reference, { startedAt: daysAgo(2) }));
  assert.equal((await storedEvidence(reference, quickTransport())).length, 2);
  assert.equal(await find(reference), null);
  const passed = await store(evidenceFor(reference, { startedAt: daysAgo(1) }));
  assert.equal((await find(reference))?.digest, passed);
});

test("a failure by other checks, of tomorrow, or by nobody who could tell decides nothing", async (t) => {
  const { reference } = await setting(t);
  const passed = await store(evidenceFor(reference, { startedAt: daysAgo(2) }));
  await store(failing(reference, { checksKey: "f".repeat(20), startedAt: daysAgo(1) }));
  await store(failing(reference, { startedAt: daysAgo(-1) }));
  const unclear = evidenceFor(reference).checks.map((check) => ({
    ...check,
    status: "inconclusive" as const,
    reason: "no card",
  }));
  await store(evidenceFor(reference, { verdict: "inconclusive", checks: unclear, startedAt: daysAgo(1) }));
  assert.equal((await find(reference))?.digest, passed);
});

test("a failure counts whatever kind of host saw it, but the builder's none where a GPU's word is asked for", async (t) => {
  const { reference } = await setting(t);
  const passed = await store(evidenceFor(reference, { ...onGpu, startedAt: daysAgo(3) }));
  await store(failing(reference, { startedAt: daysAgo(2) }));
  assert.equal((await find(reference, { host: "gpu" }))?.digest, passed);
  assert.equal(await find(reference), null);
  await store(evidenceFor(reference, { startedAt: daysAgo(1) }));
  await store(failing(reference, onGpu));
  assert.equal(await find(reference, { hostKinds: ["builder"] }), null);
  assert.equal(await find(reference, { host: "gpu" }), null);
});

test("checks, host, age: only what fits is found", async (t) => {
  const { image, reference } = await setting(t);
  await store(evidenceFor(reference, { startedAt: daysAgo(10) }));
  assert.equal(await find(reference, { checksKey: "f".repeat(20) }), null);
  assert.equal(await find(reference, { maxAgeDays: 9 }), null);
  assert.equal((await find(reference, { maxAgeDays: 11 }))?.evidence.host.kind, "builder");
  assert.equal(await find(reference, { host: "gpu" }), null);
  assert.equal(await find(reference, { hostKinds: ["aws"] }), null);
  await store(evidenceFor(reference, { ...onGpu, startedAt: daysAgo(20) }));
  assert.equal((await find(reference, { host: "gpu" }))?.evidence.host.kind, "ssh");
  assert.equal((await find(reference, { hostKinds: ["docker", "ssh"] }))?.evidence.host.kind, "ssh");
  assert.equal((await find(reference))?.evidence.host.kind, "builder");
  assert.equal(await find(image("another")), null);
});

test("what is of another version, or damaged, is no evidence and hides none", async (t) => {
  const { registry, reference } = await setting(t);
  const good = await store(evidenceFor(reference, { startedAt: daysAgo(1) }));
  const future = { ...evidenceFor(reference), schema: 99 } as never;
  await store(future);
  const lost = await store(evidenceFor(reference));
  const { layers } = JSON.parse(registry.content.get(`manifests/${lost}`)?.bytes.toString() ?? "");
  registry.content.delete(`blobs/${layers[0].digest}`);
  assert.equal((await find(reference))?.digest, good);
});

test("a registry that does not answer is an error: it is not known whether there is evidence", async (t) => {
  const { registry, reference } = await setting(t);
  await store(evidenceFor(reference));
  registry.intercept = (_, response) => {
    response.writeHead(503).end();
    return true;
  };
  await assert.rejects(find(reference), /answered 503/);
});

test("evidence that differs in one figure is not the stored one, whatever way it went through", async (t) => {
  const { reference } = await setting(t);
  const evidence = evidenceFor(reference);
  const digest = await store(evidence);
  // As it comes out of Pulumi's state: parsed, and printed again.
  const again = parseEvidence(JSON.stringify(evidence), "test");
  assert.equal(await digestOfEvidence(again, reference, quickTransport()), digest);
  assert.equal(await forged(again, reference, digest, quickTransport()), undefined);
  const changed = { ...again, seconds: 2 };
  const other = await digestOfEvidence(changed, reference, quickTransport());
  assert.notEqual(other, digest);
  assert.match((await forged(changed, reference, other, quickTransport()))?.problem ?? "", /is not stored/);
  assert.match((await forged(changed, reference, digest, quickTransport()))?.problem ?? "", /is not stored/);
});
