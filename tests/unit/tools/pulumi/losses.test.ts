import assert from "node:assert/strict";
import { test } from "node:test";
import { lossLine, retryLost } from "../../../../tools/pulumi/losses.ts";

const loss = { names: ["strata"], shown: "tcp://b:1", problem: "does not answer" };

test("a loss is told with its builder and what it built", () => {
  assert.equal(
    lossLine(loss, ["ada-torch", "ada-cuda"]),
    "error: the builder tcp://b:1 was lost while it built ada-torch, ada-cuda: it does not answer. What was built is kept: run the same command again.",
  );
  assert.match(lossLine(loss, []), /was lost: it does not answer/);
});

test("an update goes on once where a builder was lost and one answers", async () => {
  const runs = async (codes: readonly number[], losses: readonly (typeof loss)[], canGoOn: boolean) => {
    const left = [...codes];
    const ways = { losses, canGoOn: async () => canGoOn };
    const code = await retryLost(ways, async () => left.shift() ?? assert.fail("too often"));
    return [code, codes.length - left.length];
  };
  assert.deepEqual(await runs([0], [loss], true), [0, 1]);
  assert.deepEqual(await runs([1, 0], [loss], true), [0, 2]);
  assert.deepEqual(await runs([1, 1], [loss], true), [1, 2]);
  assert.deepEqual(await runs([1], [loss], false), [1, 1]);
  assert.deepEqual(await runs([1], [], true), [1, 1], "it failed by itself");
  assert.deepEqual(await runs([130], [loss], true), [130, 1], "the user has ended it");
});
