import assert from "node:assert/strict";
import { test } from "node:test";
import { requiredHost } from "../../../../lib/evidence/evidence-setting.ts";

test("a GPU's word is asked for where there is a GPU to ask, and an image for one; the stack may say otherwise", () => {
  const open = { maxAgeDays: 30 };
  assert.equal(requiredHost(open, "ada", "builder"), "any");
  assert.equal(requiredHost(open, "ada", "ssh"), "gpu");
  assert.equal(requiredHost(open, "universal", "aws"), "gpu");
  assert.equal(requiredHost(open, "cpu", "ssh"), "any");
  assert.equal(requiredHost({ ...open, host: "gpu" }, "ada", "builder"), "gpu");
  assert.equal(requiredHost({ ...open, host: "any" }, "ada", "aws"), "any");
});
