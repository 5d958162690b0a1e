import assert from "node:assert/strict";
import { test } from "node:test";
import { outputsInState, previousFromOutputs } from "../../../../lib/preview/previous-stack.ts";

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
  const known = previousFromOutputs(outputs);
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
  const recipeOf = (stages: object) => previousFromOutputs({ ...outputs, stages }).platform.recipe;
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
    const known = previousFromOutputs(other);
    assert.equal(known.comparedWith.kind, "nothing");
    assert.deepEqual(known.stages, []);
    assert.equal(known.product, null);
  }
});

test("the outputs are found in a state file, and what is encrypted there is nothing to read", () => {
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
  assert.deepEqual(outputsInState(state), { ...outputs, product: "[secret]" });
  assert.equal(previousFromOutputs(outputsInState(state)).product, null);
  for (const other of [
    undefined,
    {},
    { checkpoint: { latest: null } },
    { checkpoint: { latest: { resources: [] } } },
  ]) {
    assert.equal(outputsInState(other), undefined);
  }
});
