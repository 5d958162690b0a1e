import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cause } from "../../../../lib/plan/stage-changes.ts";
import type { Expectation, ExpectedTest, PlannedStack, Sum } from "../../../../lib/preview/preview-schema.ts";
import {
  causeText,
  evidenceText,
  expectedText,
  isConsequence,
  isHash,
  listed,
  money,
  platformText,
  short,
  sizeText,
  stageExpectation,
  testCell,
  testText,
  time,
  verdictText,
} from "../../../../lib/preview/words.ts";
import { stackPreview, stagePreview } from "../../../support/preview.ts";

const hex = (length: number) => "0123456789abcdef".repeat(4).slice(0, length);

test("commits and digests are cut to what tells them apart, wherever they stand", () => {
  assert.equal(short(hex(40)), "0123456789");
  assert.equal(short(`at ${hex(64)}, once`), "at 0123456789, once");
  assert.equal(short(`image@sha256:${hex(64)}`), "image@sha256:0123456789ab…");
  for (const other of [hex(39), `${hex(64)}0`, `${hex(40)}g`, "2.12.0"]) assert.equal(short(other), other);
});

test("a value of any length is cut where one line ends", () => {
  const line = "x ".repeat(60);
  assert.equal(short(`${line}1234`), `${line}…`);
  assert.equal(short(`${line}123`), `${line}123`);
  assert.equal(short(`${line}\n234`), `${line}…`);
});

test("a cause is one line: hashes say nothing, what is new or gone has its value where people read it", () => {
  const cause = (kind: string, before: string | null, after: string | null): Cause => ({
    kind,
    name: "x",
    before,
    after,
  });
  for (const kind of ["file", "parent", "checks"]) {
    assert.ok(isHash(kind), kind);
    assert.equal(causeText(cause(kind, "1", "2")), `${kind} x changed`);
    assert.equal(causeText(cause(kind, null, "2")), `${kind} x is new`);
    assert.equal(causeText(cause(kind, "1", null)), `${kind} x is gone`);
  }
  for (const kind of ["package", "argument", "pin"]) {
    assert.ok(!isHash(kind), kind);
    assert.equal(causeText(cause(kind, "1", hex(40))), `${kind} x: 1 → 0123456789`);
    assert.equal(causeText(cause(kind, hex(40), "2")), `${kind} x: 0123456789 → 2`);
    assert.equal(causeText(cause(kind, null, hex(40))), `${kind} x is new (0123456789)`);
    assert.equal(causeText(cause(kind, "1", null)), `${kind} x is gone (1)`);
  }
  assert.equal(causeText(cause("tag", null, "2")), "tag x is new");
  assert.equal(causeText(cause("tag", "1", "2")), "tag x: 1 → 2");
  const follows = [cause("parent", "1", "2"), cause("parent", null, "2"), cause("parent", "1", null)];
  assert.deepEqual([...follows, cause("file", "1", "2")].map(isConsequence), [true, false, false, false]);
});

test("a verdict counts what is built and removed, and says when images only go elsewhere", () => {
  const verdict = (more: Partial<PlannedStack>, counts: Partial<PlannedStack["counts"]> = {}) =>
    verdictText(
      stackPreview("dev", {
        verdict: "changed",
        ...more,
        counts: { create: 0, rebuild: 0, unchanged: 0, remove: 0, ...counts },
      }),
    );
  const setting = (kind: string) => ({ settings: [{ kind, name: "x", before: "1", after: "2" }] });
  assert.equal(verdict({ verdict: "unchanged" }, { rebuild: 3 }), "unchanged");
  assert.equal(verdict({}, { create: 1, rebuild: 1, remove: 1 }), "1 new stage, 1 rebuild, 1 removed");
  assert.equal(verdict({}, { create: 2, rebuild: 3, remove: 4 }), "2 new stages, 3 rebuilds, 4 removed");
  assert.equal(verdict({ verdict: "new" }, { create: 2 }), "first update: 2 new stages");
  assert.equal(verdict(setting("tag")), "no rebuild");
  assert.equal(verdict(setting("registry")), "every image goes to another repository");
  assert.equal(verdict({}), "unchanged");
});

test("what building takes is as sure as it is said, and what is unknown is named", () => {
  const sum: Sum = { longest: 0, all: 0, bytes: 0, unknown: [], sure: "none" };
  assert.equal(expectedText(sum), "");
  assert.equal(
    expectedText({ ...sum, longest: 720, all: 1500, bytes: 2.1e9, sure: "high" }),
    "about 12m to 25m, 2.1 GB",
  );
  assert.equal(expectedText({ ...sum, longest: 46, all: 46, sure: "low" }), "very roughly 46s");
  assert.equal(expectedText({ ...sum, unknown: ["a", "b", "c"] }), "no history for a, b, c");
  assert.equal(
    expectedText({ ...sum, longest: 46, all: 46, unknown: ["a", "b", "c", "d"], sure: "medium" }),
    "about 46s; no history for a, b, c and 1 more",
  );
});

test("a stage says what it rests on: how many builds, and of what", () => {
  const say = (more: Partial<Expectation>) =>
    stageExpectation(
      stagePreview("torch", {
        expected: {
          ...{ seconds: 46, range: [46, 46], bytes: 553e6, basis: "generation", builds: 3, sure: "high" },
          ...more,
        },
      }),
    );
  assert.equal(stageExpectation(stagePreview("torch")), "");
  assert.equal(say({}), "46s, 553 MB (3 builds)");
  assert.equal(say({ basis: "manifest" }), "a manifest");
  assert.equal(say({ bytes: null, builds: 1 }), "46s (1 build)");
  assert.equal(say({ basis: "key" }), "46s, 553 MB (3 builds of this very key)");
  assert.equal(say({ basis: "recipe" }), "46s, 553 MB (3 builds of other generations)");
  assert.equal(say({ basis: "layer" }), "46s, 553 MB (3 builds elsewhere)");
  assert.equal(say({ basis: "built" }), "built already for another stack");
  assert.equal(say({ basis: "none" }), "no history");
  assert.equal(say({ seconds: null }), "no history");
});

test("a size is told beside the former one, as far as either is known", () => {
  const size = (before: number | null, after: number | null, sure: "high" | "low" = "high") =>
    sizeText({ before, after, sure });
  assert.equal(size(null, null), "not known");
  assert.equal(size(2e9, null), "was 2 GB, then not known");
  assert.equal(size(null, 2e9), "2 GB");
  assert.equal(size(null, 2e9, "low"), "about 2 GB");
  assert.equal(size(2e9, 2e9), "2 GB");
  assert.equal(size(2e9, 2e9, "low"), "2 GB, then about the same");
  assert.equal(size(2e9, 2.5e9), "2.5 GB (+500 MB)");
  assert.equal(size(2e9, 1.5e9, "low"), "about 1.5 GB (-500 MB)");
});

test("evidence is told with its counts and the GPU, and without one so", () => {
  const evidence = {
    ...{ verdict: "pass", digest: null, passed: 30, failed: 0, skipped: 12, inconclusive: 0 },
    ...{ gpu: "NVIDIA L4", driver: "580.65.06", at: null },
  };
  assert.equal(evidenceText({ evidence: null }), "none");
  assert.equal(evidenceText({ evidence }), "pass: 30 passed, 12 skipped (NVIDIA L4, driver 580.65.06)");
  assert.equal(
    evidenceText({ evidence: { ...evidence, driver: null } }),
    "pass: 30 passed, 12 skipped (NVIDIA L4)",
  );
  assert.equal(
    evidenceText({ evidence: { ...evidence, verdict: "fail", failed: 1, inconclusive: 2, gpu: null } }),
    "fail: 30 passed, 1 failed, 12 skipped, 2 inconclusive (no GPU)",
  );
});

const rented: ExpectedTest = {
  ...{
    due: true,
    kind: "aws",
    gpu: true,
    where: "us-east-1",
    instance: "g6.xlarge",
    spot: true,
    dollarsPerHour: 0.8,
  },
  ...{ minutes: 20, dollars: 0.27, budget: 50, basis: "history", runs: 2, onEc2: null },
};

test("a test says where, for how much and how long, and from where that is known", () => {
  assert.equal(testText({ test: null }), "");
  assert.equal(testText({ test: { ...rented, due: false } }), "");
  assert.equal(
    testText({ test: rented }),
    "g6.xlarge in us-east-1, spot first, at most $0.80 an hour, about 20m (2 tests), $0.27 of a budget of $50.00",
  );
  assert.equal(
    testText({ test: { ...rented, spot: false, runs: 1, dollars: null } }),
    "g6.xlarge in us-east-1, at most $0.80 an hour, about 20m (1 test)",
  );
  const own = { ...rented, instance: null, spot: false, dollarsPerHour: null, dollars: null };
  assert.equal(
    testText({
      test: { ...own, kind: "builder", gpu: false, where: "the builder", basis: "none", minutes: null },
    }),
    "the builder, no GPU",
  );
  const onEc2 = { instance: "g6.xlarge", dollarsPerHour: 0.8, minutes: 20, dollars: 0.27 };
  assert.equal(
    testText({ test: { ...own, where: "gpu.test", basis: "estimate", onEc2 } }),
    "gpu.test, about 20m (an estimate), on EC2 it would be g6.xlarge, at most $0.80 an hour, about 20m, $0.27",
  );
});

test("in a table a test is its place, its minutes and its dollars", () => {
  assert.equal(testCell({ test: null }), "not due");
  assert.equal(testCell({ test: { ...rented, due: false } }), "not due");
  assert.equal(testCell({ test: rented }), "g6.xlarge, 20m, $0.27");
  assert.equal(testCell({ test: { ...rented, instance: null, minutes: null, dollars: null } }), "us-east-1");
});

test("a platform is told with what it was before, where that differs", () => {
  const { platform } = stackPreview("dev");
  const now = "starter for ada (8.9); CUDA 13.0, driver 580.65.06 or newer";
  assert.equal(platformText({ platform, before: {} }), now);
  assert.equal(platformText({ platform, before: platform }), now);
  assert.equal(
    platformText({ platform, before: { recipe: "studio", cuda: "12.8", minimumDriver: "570.26" } }),
    `${now}; before: recipe studio, cuda 12.8, driver 570.26`,
  );
  assert.equal(
    platformText({
      platform: { ...platform, generation: "cpu", computeCapabilities: [] },
      before: { generation: "ada" },
    }),
    "starter for cpu; CUDA 13.0, driver 580.65.06 or newer; before: generation ada",
  );
  assert.match(
    platformText({ platform: { ...platform, computeCapabilities: ["8.0", "8.9"] }, before: {} }),
    /ada \(8\.0, 8\.9\)/,
  );
});

test("names beyond the first few are counted; money has cents; time has two units", () => {
  assert.equal(listed(["a", "b"], 2), "a, b");
  assert.equal(listed(["a", "b", "c"], 2), "a, b and 1 more");
  assert.equal(money(1.005), "$1.00");
  assert.deepEqual([0.9, 1, 46.4, 59.4, 60, 89, 90, 3_600, 3_725, 90_000].map(time), [
    "a moment",
    "1s",
    "46s",
    "59s",
    "1m",
    "1m",
    "2m",
    "1h",
    "1h 2m",
    "1d 1h",
  ]);
});
