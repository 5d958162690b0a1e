import assert from "node:assert/strict";
import { test } from "node:test";
import { isAtLeast, newerVersion } from "../../../lib/versions.ts";

test("versions are compared number by number, and a missing number is 0", () => {
  for (const [version, floor] of [
    ["1", "1"],
    ["1.0", "1"],
    ["1", "1.0.0"],
    ["1.10", "1.9"],
    ["2", "1.9.9"],
    ["580.65.06", "580.65.6"],
  ] as const) {
    assert.ok(isAtLeast(version, floor), `${version} ${floor}`);
  }
  for (const [version, floor] of [
    ["1", "1.0.1"],
    ["1.9", "1.10"],
    ["1.9.9", "2"],
    ["0.9", "1"],
  ] as const) {
    assert.ok(!isAtLeast(version, floor), `${version} ${floor}`);
  }
  assert.equal(newerVersion("1.9", "1.10"), "1.10");
  assert.equal(newerVersion("1.10", "1.9"), "1.10");
});
