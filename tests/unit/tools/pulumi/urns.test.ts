import assert from "node:assert/strict";
import { test } from "node:test";
import { retestArguments, targeted, targetedNames, targetsOf } from "../../../../tools/pulumi/urns.ts";

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

test("an update of a part awaits its stages alone; one that makes something again awaits all", () => {
  const expected = new Map([
    ["starter-cuda", 20],
    ["starter-model-vae", null],
    ["starter-torch", 60],
    ["starter", 5],
  ]);
  const plan = { recipe: "starter", stages: [{ name: "cuda" }, { name: "model-vae", bulk: true }] };
  const part = targetsOf(stack, plan, ["cuda", "model-vae"]).flatMap((urn) => ["--target", urn]);
  assert.deepEqual([...targeted(expected, ["up", ...part]).keys()], ["starter-cuda", "starter-model-vae"]);
  assert.ok(targetedNames(part)?.includes("starter-cuda"));
  const again = ["up", ...retestArguments(stack, "starter", { recipe: "starter", hasTest: true })];
  assert.equal(again.at(-2), "--replace");
  assert.deepEqual(targeted(expected, again), expected);
  assert.equal(targetedNames(again), undefined);
});
