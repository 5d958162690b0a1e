import assert from "node:assert/strict";
import { test } from "node:test";
import { mirrored } from "../../../lib/mirrors.ts";

test("the longest prefix that a mirror is given for counts, whatever the order", () => {
  const pairs = [
    ["https://h/", "m1:"],
    ["https://h/a/", "m2:"],
    ["https://h/a/b", "m3:"],
  ] as const;
  for (const mirrors of [pairs, pairs.toReversed()].map(Object.fromEntries)) {
    assert.equal(mirrored("https://h/a/x", mirrors), "m2:x");
    assert.equal(mirrored("https://h/a/b/c", mirrors), "m3:/c");
    assert.equal(mirrored("https://h/", mirrors), "m1:");
    assert.equal(mirrored("http://h/a/", mirrors), "http://h/a/");
    assert.equal(mirrored("x/https://h/", mirrors), "x/https://h/");
  }
});
