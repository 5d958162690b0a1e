import assert from "node:assert/strict";
import { test } from "node:test";
import type { Evidence } from "../../../../lib/evidence/evidence.ts";
import { type EvidenceTerms, objection } from "../../../../lib/evidence/evidence-terms.ts";
import { checksKey, daysAgo, evidenceFor, onGpu } from "../../../support/evidence.ts";

const digest = `sha256:${"a".repeat(64)}`;
const terms: EvidenceTerms = { digest, checksKey, maxAgeDays: 30, host: "any", now: Date.now() };
const problem = (more: Partial<Evidence> = {}, changed: Partial<EvidenceTerms> = {}) =>
  objection(evidenceFor(`r.test/a@${digest}`, more), { ...terms, ...changed })?.problem;

test("a complete, young pass by today's checks about this digest moves a tag", () => {
  assert.equal(problem(), undefined);
  assert.equal(problem(onGpu), undefined);
});

test("each thing that is wrong has its words", () => {
  assert.match(
    problem({ digest: `sha256:${"b".repeat(64)}` }) ?? "",
    /^the evidence is about sha256:b{64}\.$/,
  );
  assert.match(problem({ verdict: "inconclusive" }) ?? "", /says inconclusive/);
  assert.match(problem({ checks: [] }) ?? "", /lacks .*10-imports, .*20-libraries/);
  assert.match(problem({ checksKey: "f".repeat(20) }) ?? "", /by other checks than today's/);
});

test("age: the last moment counts, the next does not, and clocks may differ by an hour", () => {
  const startedAt = "2026-01-01T00:00:00.000Z";
  const after = (ms: number) => problem({ startedAt }, { now: Date.parse(startedAt) + ms, maxAgeDays: 2 });
  assert.equal(after(2 * 86_400_000), undefined);
  assert.match(after(2 * 86_400_000 + 1) ?? "", /^the evidence is 2 days old, of 2\.$/);
  assert.equal(after(-3_600_000), undefined);
  assert.match(after(-3_600_001) ?? "", /which is yet to come/);
  assert.equal(problem({ startedAt: daysAgo(29) }), undefined);
});

test("a tag that wants a GPU's word takes neither the builder's nor that of a host without one", () => {
  const gpu = { host: "gpu" } as const;
  assert.match(problem({}, gpu) ?? "", /comes from the builder without a GPU/);
  assert.match(problem({ ...onGpu, gpu: null }, gpu) ?? "", /comes from a host without a GPU/);
  // A builder that was not asked for a device has none, whatever somebody wrote.
  assert.match(problem({ ...onGpu, host: { kind: "builder" } }, gpu) ?? "", /from the builder/);
  assert.equal(
    problem({ ...onGpu, host: { kind: "builder", device: "nvidia.com/gpu=all" } }, gpu),
    undefined,
  );
  assert.match(
    problem({ ...onGpu, gpu: null, host: { kind: "builder", device: "nvidia.com/gpu=all" } }, gpu) ?? "",
    /from the builder without a GPU/,
  );
  assert.equal(problem(onGpu, gpu), undefined);
});
