import assert from "node:assert/strict";
import { test } from "node:test";
import { inParallel } from "../../../lib/in-parallel.ts";

test("so many at a time and no more, and the results in the order of what they are of", async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel(3, [5, 1, 4, 2, 3, 0, 6], async (item) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, item));
    running--;
    return item * 2;
  });
  assert.deepEqual(results, [10, 2, 8, 4, 6, 0, 12]);
  assert.equal(most, 3);
  assert.deepEqual(await inParallel(3, [], async (item) => item), []);
});
