import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../../../../config.ts";
import { repository } from "../../../../home.ts";
import { type ComputeCapability, generation, generationNames } from "../../../../lib/gpu/generations.ts";
import { instancesFor } from "../../../../lib/gpu/instances.ts";
import type { MemoryNeed } from "../../../../lib/gpu/memory.ts";
import type { BuilderGpu } from "../../../../lib/hosts/builder-gpu.ts";
import { type History, remember, type TestRun } from "../../../../lib/preview/build-history.ts";
import { dollarsOfAll, expectedTest } from "../../../../lib/preview/expected-test.ts";
import { renderMarkdown } from "../../../../lib/preview/markdown.ts";
import type { PreviousStack } from "../../../../lib/preview/preview-stack.ts";
import { noPreviousStack } from "../../../../lib/preview/previous-stack.ts";
import { testCell, testText } from "../../../../lib/preview/words.ts";
import { lazily } from "../../../support/lazily.ts";
import {
  builtFrom,
  onlyPlanned,
  plannedBy,
  previewOf,
  samplePreview,
  stackPreview,
} from "../../../support/preview.ts";

const aws = { kind: "aws", region: "us-east-1" };
const ghcr = { kind: "ghcr", owner: "acme", repository: "strata" };
const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0lHs4ZBFv8y0dKJ9yy3pNmDmCkN5R2RzQ3mR6fA8ay";

function expected(
  name: string,
  host: object,
  {
    tests = [],
    due = true,
    memory,
    builderGpu,
  }: {
    readonly tests?: TestRun[];
    readonly due?: boolean;
    readonly memory?: MemoryNeed;
    readonly builderGpu?: BuilderGpu;
  } = {},
) {
  const {
    host: hosts,
    budget,
    generation: own,
    recipe,
  } = parseConfig({
    "strata:generation": name,
    "strata:host": JSON.stringify(host),
    "strata:registry": JSON.stringify(ghcr),
    "strata:budget": JSON.stringify({ dollars: 50 }),
  });
  const history: History = { format: 1, builds: [], tests };
  return expectedTest({ hosts, budget, generation: own, recipe, memory, builderGpu }, due, history);
}

const run = (minutes: number, more: Partial<TestRun> = {}): TestRun => ({
  recipe: "starter",
  generation: "ada",
  kind: "aws",
  instance: "g6.xlarge",
  minutes,
  at: `2026-01-01T00:00:${String(minutes).padStart(2, "0")}.000Z`,
  ...more,
});

test("every generation on EC2: instance, price, minutes and dollars", () => {
  const told = generationNames
    .filter((name) => name !== "cpu")
    .map((name) => `${name}: ${testText({ test: expected(name, aws) })}`);
  const rest = (dollars: string) => `about 20m (an estimate), ${dollars} of a budget of $50.00`;
  assert.deepEqual(told, [
    `turing: g4dn.xlarge in us-east-1, spot first, at most $0.75 an hour, ${rest("$0.25")}`,
    `ampere: g5.xlarge in us-east-1, spot first, at most $1.21 an hour, ${rest("$0.40")}`,
    `ada: g6.xlarge in us-east-1, spot first, at most $1.86 an hour, ${rest("$0.62")}`,
    `hopper: p5.4xlarge in us-east-1, spot first, at most $6.88 an hour, ${rest("$2.29")}`,
    `blackwell: g7e.2xlarge in us-east-1, spot first, at most $3.36 an hour, ${rest("$1.12")}`,
    `universal: g6.xlarge in us-east-1, spot first, at most $1.86 an hour, ${rest("$0.62")}`,
  ]);
  assert.equal(testCell({ test: expected("ada", aws) }), "g6.xlarge, 20m, $0.62");
  // What the stack asks for and pays is what counts: one type, another price.
  const one = { ...aws, instances: ["g6.xlarge"] };
  assert.equal(expected("ada", one)?.dollarsPerHour, 0.8048);
  assert.equal(expected("ada", { ...aws, prices: { "g6.2xlarge": 3 } })?.dollarsPerHour, 3);
  assert.match(
    testText({ test: expected("ada", { ...aws, spot: false }) }),
    /us-east-1, at most \$1\.86 an hour/,
  );
});

test("the table of the documents says what a preview says", () => {
  const rows = readFileSync(join(repository, "docs/hosts.md"), "utf8").matchAll(
    /^\| `(\w+)` +\| ([\d.]+) +\| (.+?) +\| \$([\d.]+) +\| \$([\d.]+) +\|$/gm,
  );
  const seen = [...rows].map(([, name, capability, types, hour, whole]) => {
    const host = { ...aws, capability, allowExpensive: true };
    const test = expected(name ?? "", host);
    assert.deepEqual([test?.dollarsPerHour?.toFixed(2), test?.dollars?.toFixed(2)], [hour, whole], name);
    const known = instancesFor(capability as ComputeCapability).map(({ type }) => type);
    if (types !== "as `ada`") assert.equal(types, known.join(", "));
    return name;
  });
  assert.deepEqual(new Set(seen), new Set(generationNames.filter((name) => name !== "cpu")));
});

test("a stack that is tested without a GPU is told what one would cost", () => {
  for (const name of generationNames) {
    const told = testText({ test: expected(name, { kind: "builder" }) });
    const { testedOn } = generation(name);
    assert.match(told, /^the builder, no GPU/);
    assert.equal(told.includes(" on EC2 it would be "), testedOn !== null, name);
    if (testedOn) assert.ok(told.includes(`${instancesFor(testedOn)[0]?.type}, at most $`), told);
  }
});

test("a test on the builder's GPU says its device, and its minutes are those of such tests alone", () => {
  const gpu = { kind: "builder", gpu: true };
  assert.equal(testText({ test: expected("ada", gpu) }), "the builder's GPU");
  const device = "nvidia.com/gpu=all";
  const own = { kind: "builder", instance: null };
  const tests = [run(3, own), run(9, { ...own, instance: device })];
  assert.equal(
    testText({ test: expected("ada", gpu, { tests, builderGpu: { device } }) }),
    "the builder's GPU (nvidia.com/gpu=all), about 9m (1 test)",
  );
  const onGpu = (name: string, host: object) => expected(name, host)?.gpu;
  assert.deepEqual(
    [onGpu("ada", gpu), onGpu("ada", { kind: "builder" }), onGpu("ada", aws)],
    [true, false, true],
  );
  assert.deepEqual([onGpu("ada", { kind: "docker" }), onGpu("cpu", { kind: "docker" })], [true, false]);
});

test("an image whose own workflow needs memory is told the instance that has it", () => {
  const memory = { gpu: 17 * 2 ** 30, ram: 35 * 2 ** 30 };
  const told = (host: object) => testText({ test: expected("ada", host, { memory }) });
  assert.match(told(aws), /^g6\.4xlarge in us-east-1, spot first, at most \$2\.24 an hour/);
  assert.match(told({ kind: "builder" }), / on EC2 it would be g6\.4xlarge, at most \$2\.24/);
});

test("a host of one's own costs what somebody asks for it, or nothing", () => {
  const own = { kind: "ssh", address: "gpu.test", hostKey };
  assert.equal(testText({ test: expected("ada", own) }), "gpu.test");
  assert.equal(
    testText({ test: expected("ada", { ...own, dollarsPerHour: 0.6 }) }),
    "gpu.test, $0.60 an hour, about 20m (an estimate), $0.20 of a budget of $50.00",
  );
  assert.equal(testText({ test: expected("ada", { kind: "docker" }) }), "docker on this machine");
});

test("earlier tests of the recipe say how long it takes: on the same type, else on the same kind of host", () => {
  const others = [run(50, { recipe: "studio" }), run(50, { kind: "ssh", instance: null })];
  const text = (tests: TestRun[]) =>
    testText({ test: expected("ada", aws, { tests: [...others, ...tests] }) });
  assert.match(text([]), /about 20m \(an estimate\)/);
  assert.match(text([run(10), run(12), run(40)]), /about 12m \(3 tests\), \$0\.37 of/);
  assert.match(text([run(30, { instance: "g5.xlarge" })]), /about 30m \(1 test\)/);
  assert.match(text([run(30, { instance: "g5.xlarge" }), run(9)]), /about 9m \(1 test\)/);
});

test("the newest tests of each kind are kept, and builds are not touched", () => {
  const tests = Array.from({ length: 15 }, (_, index) => run(index));
  const kept = remember({ format: 1, builds: [] }, [], [...tests, run(3, { kind: "ssh" })]);
  assert.equal(kept.tests?.length, 11);
  assert.deepEqual(
    kept.tests?.filter(({ kind }) => kind === "aws").map(({ minutes }) => minutes),
    [5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  );
  assert.deepEqual(remember({ format: 1, builds: [] }, []), { format: 1, builds: [] });
});

const planned = lazily(() =>
  plannedBy(repository, { generation: "ada", host: JSON.stringify(aws), registry: JSON.stringify(ghcr) }),
);
const evidence = { verdict: "pass", digest: null, gpu: null, driver: null, at: null };
const counts = { passed: 1, failed: 0, skipped: 0, inconclusive: 0 };
const tested = (): PreviousStack => ({
  ...builtFrom(planned(), 100),
  evidence: { ...evidence, ...counts },
  testedOn: "aws",
});

test("a test is due for what is new, and for nothing that was tested already", () => {
  const due = (previous: PreviousStack) =>
    onlyPlanned(previewOf([{ stack: "dev", planned: planned(), previous, engine: null }])).test?.due;
  assert.equal(due(tested()), false);
  assert.equal(due(noPreviousStack("never updated")), true);
  assert.equal(due({ ...tested(), evidence: null }), true);
  assert.equal(due({ ...tested(), evidence: { ...evidence, ...counts, verdict: "fail" } }), true);
  assert.equal(due({ ...tested(), checks: "others" }), true);
  assert.equal(due({ ...tested(), testedOn: "builder" }), true);
  const product = tested().stages.map((stage) =>
    stage.name === "starter" ? { ...stage, key: "old" } : stage,
  );
  assert.equal(due({ ...tested(), stages: product }), true);
});

test("a stack that was tested in the builder without a GPU is tested again when it gets one", () => {
  const onGpu = lazily(() =>
    plannedBy(repository, { generation: "ada", host: JSON.stringify({ kind: "builder", gpu: true }) }),
  );
  const due = (gpu: string | null) => {
    const before: PreviousStack = {
      ...builtFrom(onGpu(), 100),
      evidence: { ...evidence, ...counts, gpu },
      testedOn: "builder",
    };
    return onlyPlanned(previewOf([{ stack: "dev", planned: onGpu(), previous: before, engine: null }])).test
      ?.due;
  };
  assert.deepEqual([due(null), due("NVIDIA L4")], [true, false]);
});

test("what the builder says against its GPU is a note of the stack", () => {
  const problem = "it offers no GPU";
  const { test: plan, ...rest } = planned();
  const next = { ...rest, test: plan && { ...plan, builderGpu: { problem, remedy: "Make one." } } };
  const { notes } = onlyPlanned(
    previewOf([{ stack: "dev", planned: next, previous: tested(), engine: null }]),
  );
  assert.ok(
    notes.includes("strata:host wants the builder's GPU, and it offers no GPU. Make one."),
    notes.join(),
  );
});

test("all stacks together: what is due is added up, in the tree and in the comment", () => {
  const stack = (name: string, due: boolean) =>
    stackPreview(name, { test: expected("hopper", aws, { due }) });
  const stacks = [stack("one", true), stack("two", true), stack("three", false)];
  assert.equal(dollarsOfAll(stacks), 4.58);
  const markdown = renderMarkdown(samplePreview(stacks));
  assert.match(markdown, /^- Tests: about \$4\.58$/m);
  assert.match(markdown, /\| `p5\.4xlarge, 20m, \$2\.29` \|/);
  assert.match(markdown, /\| `not due` \|/);
  assert.equal(testText({ test: expected("ada", aws, { due: false }) }), "");
});
