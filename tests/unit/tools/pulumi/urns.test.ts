import assert from "node:assert/strict";
import { test } from "node:test";
import { retestArguments, targetsOf } from "../../../../tools/pulumi/urns.ts";

const stack = { name: "ada", project: "strata" };

test("a test that ran is replaced, by its whole name", () => {
  assert.deepEqual(retestArguments(stack, "starter", { recipe: "starter", hasTest: true }), [
    "--replace",
    "urn:pulumi:ada::strata::strata:index:SmokeTest$command:local:Command::starter-smoke",
  ]);
});

test("what never ran cannot run again: Pulumi refuses to replace what it does not know", () => {
  assert.deepEqual(retestArguments(stack, "starter", {}), []);
  assert.deepEqual(retestArguments(stack, "starter", { recipe: "starter", hasTest: false }), []);
  assert.deepEqual(retestArguments(stack, "studio", { recipe: "starter", hasTest: true }), []);
});

test("a part is targeted by what it registers, and by nothing else of the recipe's name", () => {
  const plan = { recipe: "starter", stages: [{ name: "cuda" }, { name: "model-vae", bulk: true }] };
  const targets = targetsOf({ name: "dev", project: "strata" }, plan, ["cuda", "model-vae"]);
  const stage = "strata:index:LayeredImage$strata:index:ImageStage";
  const bulk = "strata:index:LayeredImage$strata:index:BulkStage";
  assert.deepEqual(targets, [
    "urn:pulumi:dev::strata::**::registry",
    "urn:pulumi:dev::strata::strata:index:LayeredImage::starter",
    `urn:pulumi:dev::strata::${stage}::starter-cuda`,
    `urn:pulumi:dev::strata::${stage}$docker-build:index:Image::starter-cuda`,
    `urn:pulumi:dev::strata::${bulk}::starter-model-vae`,
    `urn:pulumi:dev::strata::${bulk}$command:local:Command::starter-model-vae`,
  ]);
});
