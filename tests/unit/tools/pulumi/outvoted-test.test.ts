/** What Pulumi's state has of a pass, and what the registry has of a failure since. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Evidence } from "../../../../lib/evidence/evidence.ts";
import { storeEvidence } from "../../../../tools/promotion/evidence-store.ts";
import { outvotedTest } from "../../../../tools/pulumi/outvoted-test.ts";
import { daysAgo, evidenceFor, onGpu } from "../../../support/evidence.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { quickTransport } from "../../oci/support/transport.ts";

const stack = { name: "ada", project: "strata" };
const again = [
  "--replace",
  "urn:pulumi:ada::strata::strata:index:SmokeTest$command:local:Command::starter-smoke",
];

async function setting(t: TestContext, more: Partial<Evidence> = {}) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: Buffer.from("x") };
  const reference = `${registry.host}/${REPOSITORY}@${registry.image("tested", [layer]).digest}`;
  const evidence = evidenceFor(reference, { startedAt: daysAgo(2), ...more });
  await storeEvidence(evidence, quickTransport());
  const told: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => told.push(text) > 0);
  const record = { recipe: "starter", product: { reference }, evidence, hasTest: true };
  const fail = (changed: Partial<Evidence> = {}) => {
    const [first, ...rest] = evidence.checks;
    assert.ok(first);
    const checks = [{ ...first, status: "fail" as const, reason: "broken" }, ...rest];
    const failed = { ...evidence, verdict: "fail" as const, checks, startedAt: daysAgo(1), ...changed };
    return storeEvidence(failed, quickTransport());
  };
  const ask = () => outvotedTest(stack, "starter", record, quickTransport());
  return { registry, record, told, fail, ask };
}

test("a pass that nothing contradicts is not tested again; one that a newer failure does is, and says why", async (t) => {
  const { told, fail, ask } = await setting(t);
  assert.deepEqual(await ask(), []);
  await fail({ startedAt: daysAgo(3) });
  assert.deepEqual(await ask(), []);
  assert.deepEqual(told, []);
  await fail();
  assert.deepEqual(await ask(), again);
  assert.match(told.join(""), /smoke test: a newer test failed, on \S+ \(builder, sha256:.*It is done again/);
});

test("a builder's failure is no answer to what a GPU said", async (t) => {
  const { fail, ask } = await setting(t, onGpu);
  await fail({ host: { kind: "builder" }, gpu: null });
  assert.deepEqual(await ask(), []);
  await fail({ seconds: 2 });
  assert.deepEqual(await ask(), again);
});

test("a registry that cannot be asked, and a state that knows no test, stop nothing", async (t) => {
  const { registry, fail, ask } = await setting(t);
  await fail();
  registry.intercept = (_, response) => {
    response.writeHead(503).end();
    return true;
  };
  assert.deepEqual(await ask(), []);
  assert.deepEqual(await outvotedTest(stack, "starter", {}, quickTransport()), []);
  assert.deepEqual(await outvotedTest(stack, "starter", { evidence: null }, quickTransport()), []);
});
