/** What ECR would remove for lack of a tag: a stand-in of it under ECR's name, and nobody else's. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { keepDigestTag } from "../../../../lib/registry/tags.ts";
import { storeEvidence } from "../../../../tools/promotion/evidence-store.ts";
import { keepAllEvidence } from "../../../../tools/promotion/keep-all-evidence.ts";
import { evidenceFor } from "../../../support/evidence.ts";
import { REPOSITORY } from "../../oci/support/fake-registry.ts";
import { quickTransport } from "../../oci/support/transport.ts";
import { promoting, type Setting } from "./support/promoting.ts";

const ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/** Makes the stand-in answer for ECR's address, with its interface for referrers. */
function asEcr(t: TestContext, { registry }: Setting): string {
  registry.behaviour = { referrers: "listed" };
  const real = globalThis.fetch;
  t.mock.method(globalThis, "fetch", (url: URL, init: RequestInit) =>
    real(String(url).replace(`https://${ECR}`, `http://${registry.host}`), init),
  );
  return `${ECR}/${REPOSITORY}`;
}

/** What would be left if all that has no tag were removed. */
function tagged({ registry }: Setting): ReadonlySet<unknown> {
  const entries = [...registry.content].filter(([name]) => /^manifests\/(?!sha256:)/.test(name));
  return new Set(entries.map(([, stored]) => stored));
}
const has = (made: Setting, digest: string) =>
  tagged(made).has(made.registry.content.get(`manifests/${digest}`));
const keepTags = ({ registry }: Setting) =>
  [...registry.content.keys()].filter((name) => name.includes("/keep-"));

test("at ECR evidence and what it is about get tags of their own; elsewhere nothing does", async (t) => {
  const made = await promoting(t);
  assert.deepEqual(keepTags(made), []);
  const repository = asEcr(t, made);
  const evidence = evidenceFor(`${repository}@${made.evidence.digest}`);
  const artifact = await storeEvidence(evidence, quickTransport());
  for (const digest of [artifact, made.evidence.digest])
    assert.ok(made.registry.content.has(`manifests/${keepDigestTag(digest)}`), digest);
  // The product was built again under its key, which moved its tag: the digest is needed by a rollback.
  made.registry.content.delete("manifests/tested");
  assert.ok(has(made, made.evidence.digest) && has(made, artifact));
});

test("what was promoted by evidence without a tag gets both, and a copy at ECR as well", async (t) => {
  const made = await promoting(t);
  const repository = asEcr(t, made);
  const evidence = evidenceFor(`${repository}@${made.evidence.digest}`);
  const artifact = await storeEvidence(evidence, quickTransport());
  for (const name of keepTags(made)) made.registry.content.delete(name);
  const run = await made.promote(evidence, "stable", { STRATA_REFERENCE: evidence.reference });
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(
    keepTags(made).sort(),
    [artifact, made.evidence.digest].map((digest) => `manifests/${keepDigestTag(digest)}`).sort(),
  );
});

test("once, all that is there gets its tags: of products, and of everything that a tag has pointed at", async (t) => {
  const made = await promoting(t);
  const other = await made.image("product-starter-1");
  assert.equal((await made.promote(made.evidence, "stable")).code, 0);
  // As an older version left it: nothing is kept, and the tag of what was promoted has moved on.
  const repository = asEcr(t, made);
  made.registry.content.delete("manifests/tested");
  made.registry.image("stable", []);
  assert.deepEqual(keepTags(made), []);
  assert.equal(has(made, made.evidence.digest), false);
  const gone = made.registry.image("product-untested", []);
  assert.equal(await keepAllEvidence(repository, quickTransport()), 4);
  const kept = keepTags(made);
  assert.equal(kept.length, 4);
  for (const digest of [made.evidence.digest, other.digest])
    assert.ok(kept.includes(`manifests/${keepDigestTag(digest)}`), digest);
  assert.ok(
    !kept.includes(`manifests/${keepDigestTag(gone.digest)}`),
    "nobody has tested it: its own tag is enough",
  );
  // With what is left a rollback finds digest and evidence.
  const left = tagged(made);
  for (const [name, stored] of made.registry.content)
    if (name.startsWith("manifests/") && !left.has(stored)) made.registry.content.delete(name);
  const { promotions } = await made.listing("stable");
  assert.equal(promotions.find(({ digest }) => digest === made.evidence.digest)?.evidence?.verdict, "pass");
  assert.equal(await keepAllEvidence(repository, quickTransport()), 4, "again it changes nothing");
});

test("in a new repository there is nothing to keep", async (t) => {
  const made = await promoting(t);
  made.registry.content.clear();
  assert.equal(await keepAllEvidence(asEcr(t, made), quickTransport()), 0);
});
