import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { UserError } from "../../../../errors.ts";
import { attemptFetch, PassingFailure, patiently } from "../../../../tools/program/retry.ts";
import { respond, startFakeHub } from "../../../support/fake-hub.ts";

const gaveUp = ({ message }: PassingFailure) => new UserError("x", `${message}.`, "");

/** Counts attempts, of which the first `failures` fail. */
function failing(failures: number, failure: () => Error) {
  const times: number[] = [];
  const work = async () => {
    times.push(performance.now());
    if (times.length <= failures) throw failure();
    return "done";
  };
  return { times, work };
}

test("what passes is done again, as often as it may, with pauses that double", async () => {
  const { times, work } = failing(2, () => new PassingFailure("is busy"));
  assert.equal(await patiently(work, gaveUp, { tries: 3, pauseMs: 40 }), "done");
  const [first = 0, second = 0, third = 0] = times;
  assert.ok(second - first >= 39 && third - second >= 79, times.join());
  const never = failing(9, () => new PassingFailure("is busy"));
  await assert.rejects(patiently(never.work, gaveUp, { tries: 3, pauseMs: 1 }), /^UserError: x: is busy\.$/);
  assert.equal(never.times.length, 3);
});

test("any other failure is thrown at once, as it is", async () => {
  for (const failure of [
    new UserError("y", "is wrong.", ""),
    new TypeError("terminated"),
    new Error("bug"),
  ]) {
    const { times, work } = failing(1, () => failure);
    await assert.rejects(patiently(work, gaveUp, { pauseMs: 1 }), (error) => error === failure);
    assert.equal(times.length, 1);
  }
});

test("nobody is asked before the time that they asked for, and nobody waits after the last attempt", async () => {
  const { times, work } = failing(1, () => new PassingFailure("is busy", 150));
  await patiently(work, gaveUp, { pauseMs: 1 });
  const [first = 0, second = 0] = times;
  assert.ok(second - first >= 149, `${second - first}`);
  const start = performance.now();
  const last = failing(1, () => new PassingFailure("is busy", 30_000));
  await assert.rejects(patiently(last.work, gaveUp, { tries: 1 }), /is busy/);
  assert.ok(performance.now() - start < 10_000);
  assert.equal(new PassingFailure("asks for a day", 86_400_000).pauseMs, 60_000);
});

async function serve(context: TestContext, answers: Parameters<typeof startFakeHub>[0]): Promise<string> {
  const server = await startFakeHub(answers);
  context.after(() => server.stop());
  return server.address;
}

test("a busy server's Retry-After comes along, as seconds and as a date; a refusal is an answer", async (context) => {
  const date = new Date(Date.now() + 20_000).toUTCString();
  const address = await serve(context, {
    "/seconds": respond(429, { "retry-after": "3" }),
    "/date": respond(503, { "retry-after": date }),
    "/none": respond(500),
    "/gone": respond(410, { "retry-after": "3" }),
  });
  const failure = async (path: string) => {
    try {
      return assert.fail(`${(await attemptFetch(`${address}${path}`)).status}`);
    } catch (error) {
      assert.ok(error instanceof PassingFailure);
      return error;
    }
  };
  assert.deepEqual(
    [(await failure("/seconds")).message, (await failure("/seconds")).pauseMs],
    ["answers 429", 3_000],
  );
  const { pauseMs } = await failure("/date");
  assert.ok(pauseMs > 5_000 && pauseMs <= 20_000, `${pauseMs}`);
  assert.equal((await failure("/none")).pauseMs, 0);
  assert.equal((await attemptFetch(`${address}/gone`)).status, 410);
  await assert.rejects(attemptFetch("http://127.0.0.1:9/x"), /PassingFailure: cannot be reached \(.+\)/);
});
