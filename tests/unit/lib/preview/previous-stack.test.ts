import assert from "node:assert/strict";
import { test } from "node:test";
import { noPreviousStack, previousFromRecord } from "../../../../lib/preview/previous-stack.ts";
import { recordedStack } from "../../../../lib/state/recorded-stack.ts";

const digest = `sha256:${"d".repeat(64)}`;
const outputs = {
  product: {
    reference: `registry.example/team/strata@${digest}`,
    digest,
    bytes: 1000,
    tags: ["registry.example/team/strata:starter-ada", "registry.example/team/strata:latest"],
  },
  stages: {
    starter: {
      key: "k1",
      digest,
      bytes: 1000,
      inputs: { "file:recipes/starter.ts (image configuration)": "1" },
    },
    torch: { key: "k2", digest, bytes: 600, inputs: { "package:torch": "2.12 (aa)" } },
  },
  evidence: {
    verdict: "pass",
    generation: "ada",
    digest,
    startedAt: "2026-11-20T10:00:00Z",
    checks: [{ status: "pass" }, { status: "pass" }, { status: "skip" }],
    gpu: { name: "NVIDIA L4", driver: "580.65.06", memoryBytes: 1, computeCapability: "8.9" },
  },
};

test("a stack's outputs tell its stages, its product, where it lies, its tags and its evidence", () => {
  const known = previousFromRecord(outputs);
  assert.deepEqual(known.comparedWith, { kind: "outputs" });
  assert.deepEqual(
    known.stages.map(({ name, key, bytes }) => [name, key, bytes]),
    [
      ["starter", "k1", 1000],
      ["torch", "k2", 600],
    ],
  );
  assert.deepEqual(known.product, { digest, bytes: 1000 });
  assert.equal(known.repository, "registry.example/team/strata");
  assert.deepEqual(known.tags, ["starter-ada", "latest"]);
  assert.deepEqual(known.platform, { recipe: "starter", generation: "ada" });
  assert.deepEqual(known.evidence, {
    verdict: "pass",
    digest,
    passed: 2,
    failed: 0,
    skipped: 1,
    inconclusive: 0,
    gpu: "NVIDIA L4",
    driver: "580.65.06",
    at: "2026-11-20T10:00:00Z",
  });
});

test("the recipe is known of a stack whose recipe is a file, by the roles or in outputs without them", () => {
  const { starter, torch } = outputs.stages;
  const inputs = { "file:recipe.ts (image configuration)": "1" };
  const recipeOf = (stages: object) => previousFromRecord({ ...outputs, stages }).platform.recipe;
  assert.equal(recipeOf({ torch, mine: { ...starter, inputs } }), "mine");
  assert.equal(
    recipeOf({ torch: { ...torch, role: "stage" }, mine: { ...starter, inputs: {}, role: "product" } }),
    "mine",
  );
  assert.equal(recipeOf({ torch }), undefined);
});

test("outputs of another version, or none, are a stack of which nothing is known", () => {
  for (const other of [
    undefined,
    null,
    {},
    { stages: "[secret]", product: 1, evidence: [] },
    { stages: { a: 1 } },
  ]) {
    const known = previousFromRecord(other);
    assert.equal(known.comparedWith.kind, "nothing");
    assert.deepEqual(known.stages, []);
    assert.equal(known.product, null);
  }
});

test("the outputs of a version without components are found in a state file, and what is encrypted there is nothing to read", () => {
  const encrypted = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    ciphertext: "v1:x:y",
  };
  const state = {
    version: 3,
    checkpoint: {
      latest: {
        resources: [
          { type: "docker-build:index:Image", outputs: { stages: "another's" } },
          { type: "pulumi:pulumi:Stack", outputs: { ...outputs, product: encrypted } },
        ],
      },
    },
  };
  assert.deepEqual(recordedStack(state).outputs, { ...outputs, product: "[secret]" });
  const previous = previousFromRecord(recordedStack(state));
  assert.equal(previous.product, null);
  assert.deepEqual(
    Object.keys(outputs.stages),
    previous.stages.map(({ name }) => name),
  );
  for (const other of [
    undefined,
    {},
    { checkpoint: { latest: null } },
    { checkpoint: { latest: { resources: [] } } },
  ]) {
    assert.deepEqual(recordedStack(other).outputs, {});
  }
});

test("what is not as expected in outputs is left out, and the rest is still read", () => {
  const read = (more: object) => previousFromRecord({ ...outputs, ...more });
  const { product, evidence, stages } = outputs;
  assert.equal(read({ product: { ...product, bytes: "many" } }).product?.bytes, null);
  assert.equal(read({ product: { ...product, bytes: 10.4 } }).product?.bytes, 10);
  assert.deepEqual(read({ product: { ...product, bytes: null, tags: 1 } }).tags, null);
  assert.equal(read({ product: { ...product, bytes: null, tags: 1 } }).product?.digest, digest);
  assert.equal(read({ product: { ...product, digest: "" } }).product, null);
  assert.equal(read({ product: undefined }).repository, null);
  const torch = { ...stages.torch, bytes: "x", role: 1 };
  assert.deepEqual(read({ stages: { torch } }).stages, [
    { name: "torch", key: "k2", inputs: stages.torch.inputs, bytes: null, role: null },
  ]);
  const odd = { ...evidence, generation: 1, digest: 1, checksKey: 1, host: "x", startedAt: 1, gpu: "x" };
  const told = read({ evidence: odd });
  assert.deepEqual(told.evidence, {
    ...{ verdict: "pass", digest: null, passed: 2, failed: 0, skipped: 1, inconclusive: 0 },
    ...{ gpu: null, driver: null, at: null },
  });
  assert.deepEqual([told.platform.generation, told.checks, told.testedOn], [undefined, null, null]);
  assert.equal(read({ evidence: null }).evidence, null);
  const whole = { ...evidence, checksKey: "c1", host: { kind: "aws" }, gpu: { name: "L4" } };
  const known = read({ evidence: whole });
  assert.deepEqual(
    [known.checks, known.testedOn, known.evidence?.gpu, known.evidence?.driver],
    ["c1", "aws", "L4", null],
  );
});

test("a stack that was never updated says so", () => {
  const why = "the stack has not been updated yet";
  assert.deepEqual(previousFromRecord({}).comparedWith, { kind: "nothing", why });
  assert.deepEqual(previousFromRecord({}), { ...noPreviousStack(why), testedOn: null });
});

test("only what a recipe makes of the whole image is a product in outputs without roles", () => {
  const roleOf = (input: string) =>
    previousFromRecord({ stages: { x: { key: "k", inputs: { a: "1", [input]: "1" } } } }).stages[0]?.role;
  assert.equal(roleOf("file:recipes/x.ts (image configuration)"), "product");
  for (const other of [
    "file:x (image configuration) more",
    "pin file:x (image configuration)",
    "file:recipes/x.ts",
  ])
    assert.equal(roleOf(other), null, other);
});

test("tags that moved tell what is promoted, whatever was built since", () => {
  const read = (promoted: unknown) => previousFromRecord({ ...outputs, promoted });
  assert.deepEqual([read(undefined).promoted, read(undefined).tags], [digest, ["starter-ada", "latest"]]);
  const former = read({ digest: "sha256:e", tags: ["r:5000/s:old"] });
  assert.deepEqual([former.promoted, former.tags, former.product?.digest], ["sha256:e", ["old"], digest]);
  assert.equal(read(null).promoted, null);
});

test("where the images are is known before there is a product", () => {
  const { stages } = outputs;
  assert.equal(previousFromRecord({ stages, repository: "r/s" }).repository, "r/s");
});
