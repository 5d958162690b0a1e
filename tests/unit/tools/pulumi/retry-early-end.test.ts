import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { retryEarlyEnd, type UpdateResult } from "../../../../tools/pulumi/retry-early-end.ts";

/** Runs updates that end like this, one after the other: what is returned or thrown, and what is told. */
async function run(t: TestContext, ...ends: UpdateResult[]) {
  const told: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => told.push(text) > 0);
  let runs = 0;
  const result = await retryEarlyEnd("dev", async () => ends[runs++] ?? { code: 99 }).catch((error) => error);
  return { result, runs, told: told.join("") };
}

const early: UpdateResult = { code: 0, missing: "starter" };

test("an update that built the product runs once", async (t) => {
  assert.deepEqual(await run(t, { code: 0 }), { result: { code: 0 }, runs: 1, told: "" });
});

test("an update that failed is not tried again", async (t) => {
  const { result, runs } = await run(t, { code: 1, missing: "starter" }, { code: 0 });
  assert.deepEqual([result, runs], [{ code: 1, missing: "starter" }, 1]);
});

test("one that ended early goes on, and says so", async (t) => {
  const { result, runs, told } = await run(t, early, { code: 0 });
  assert.deepEqual([result, runs], [{ code: 0 }, 2]);
  assert.match(told, /the update ended before starter was built; going on with it/);
});

test("one that ends early again is an error, never a success", async (t) => {
  const { result, runs } = await run(t, early, early);
  assert.equal(runs, 2);
  assert.match(
    String(result),
    /dev: the update ended twice before starter was built, .* run `make up` again/,
  );
});
