import assert from "node:assert/strict";
import { test } from "node:test";
import { generatedFile } from "../../../../lib/plan/context-files.ts";
import { fileInput, stageKey } from "../../../../lib/plan/key.ts";

test("a key is 20 hex digits of name and inputs, in whatever order these are listed", () => {
  const key = stageKey("torch", { "file:a": "1", "pin:b": "2" });
  // Written down: a key that changes has everybody build everything again.
  assert.equal(key, "9f4b23cfcb561ca67110");
  assert.equal(stageKey("torch", { "pin:b": "2", "file:a": "1" }), key);
  for (const other of [
    stageKey("torch2", { "file:a": "1", "pin:b": "2" }),
    stageKey("torch", { "file:a": "2", "pin:b": "1" }),
    stageKey("torch", { "file:a": "1" }),
  ])
    assert.notEqual(other, key);
});

test("a file counts by its content, and by whether it can be executed", () => {
  const file = generatedFile("x", "a", "layers/x/x");
  const hash = "ca978112ca1bbdcafac2";
  assert.deepEqual(fileInput(file), ["file:layers/x/x", hash]);
  assert.deepEqual(fileInput({ ...file, executable: true }), ["file:layers/x/x", `${hash} +x`]);
});
