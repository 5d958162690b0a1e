import assert from "node:assert/strict";
import { test } from "node:test";
import { sequence } from "../../../../bench/recipe/cases.ts";

test("from nothing comes first, then each change on the builder as it is, then on an empty one", () => {
  assert.deepEqual(sequence(["cold", "nothing", "torch", "generation"]), [
    ["cold", "empty"],
    ["nothing", "warm"],
    ["torch", "warm"],
    ["generation", "warm"],
    ["nothing", "empty"],
    ["generation", "empty"],
  ]);
});
