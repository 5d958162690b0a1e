import assert from "node:assert/strict";
import { test } from "node:test";
import { retestArguments } from "../../../../tools/pulumi/retest.ts";

const stack = { name: "ada", project: "strata" };

test("a test that ran is replaced, by its whole name", () => {
  assert.deepEqual(retestArguments(stack, "starter", { recipe: "starter", evidence: { verdict: "pass" } }), [
    "--replace",
    "urn:pulumi:ada::strata::strata:index:SmokeTest$command:local:Command::starter-smoke",
  ]);
});

test("what never ran cannot run again: Pulumi refuses to replace what it does not know", () => {
  assert.deepEqual(retestArguments(stack, "starter", {}), []);
  assert.deepEqual(retestArguments(stack, "starter", { recipe: "starter", evidence: null }), []);
  assert.deepEqual(retestArguments(stack, "studio", { recipe: "starter", evidence: {} }), []);
});
