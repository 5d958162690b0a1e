import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunReport } from "../../../../lib/evidence/evidence.ts";
import { testSomewhere } from "../../../../tools/hosts/attempts.ts";
import { HostTrouble } from "../../../../tools/hosts/machine.ts";
import type { TestHost, TestOutcome, TestRequest } from "../../../../tools/hosts/test-host.ts";

const minute = 60_000;

function tested(verdict: RunReport["verdict"], dollars = 0): TestOutcome {
  const status = verdict;
  return {
    report: {
      schema: 3,
      verdict,
      startedAt: "2026-01-01T00:00:00Z",
      seconds: 1,
      due: [],
      checks: [
        { id: "30-torch", title: "t", status, seconds: 1, ...(status === "pass" ? {} : { reason: "why" }) },
      ],
      versions: {},
      gpu: null,
      measurements: {},
    },
    host: { kind: "builder" },
    preparation: {},
    cost: dollars > 0 ? { dollarsPerHour: 1, dollars } : null,
  };
}

/** A clock that hosts move, and hosts that answer one after the other; `asked` has the minutes that each was given. */
function setting() {
  let now = 1_000_000_000;
  const asked: string[] = [];
  const host = (
    name: string,
    answers: readonly (TestOutcome | Error)[],
    { minutes = 1, dollarsPerHour = 0 } = {},
  ) => {
    const left = [...answers];
    return {
      name,
      canRetry: () => left.length > 0,
      dollarsPerHour,
      async test(order: TestRequest) {
        asked.push(`${name} ${Math.round((order.deadline - now) / minute)}`);
        now += minutes * minute;
        const answer = left.shift();
        if (answer instanceof Error) throw answer;
        assert.ok(answer);
        return answer;
      },
    } satisfies TestHost;
  };
  const run = (
    hosts: readonly TestHost[],
    limits = { dollars: 5, minutes: 45 },
    signal = new AbortController().signal,
  ) =>
    testSomewhere(
      hosts,
      { reference: "r", computeCapabilities: [], minimumDriver: "0", hasZstd: false, signal },
      limits,
      () => now,
    );
  return { asked, host, run };
}

test("the first host that says something is the last one asked", async () => {
  for (const verdict of ["pass", "fail"] as const) {
    const { asked, host, run } = setting();
    const outcome = await run([host("one", [tested(verdict)]), host("two", [tested("pass")])]);
    assert.equal(outcome.tested?.report.verdict, verdict);
    assert.deepEqual(outcome.attempts, []);
    assert.deepEqual(asked, ["one 45"]);
  }
});

test("trouble of a host is no verdict: the next one is asked, with what is left of the time", async () => {
  const { asked, host, run } = setting();
  const outcome = await run([
    host("one", [new HostTrouble("no capacity"), new HostTrouble("no driver")], { minutes: 5 }),
    host("two", [tested("inconclusive")], { minutes: 10 }),
    host("three", [tested("pass")]),
  ]);
  assert.equal(outcome.tested?.report.verdict, "pass");
  assert.deepEqual(outcome.attempts, [
    { host: "one", reason: "no capacity", seconds: 300 },
    { host: "one", reason: "no driver", seconds: 300 },
    { host: "two", reason: "30-torch: why", seconds: 600 },
  ]);
  assert.deepEqual(asked, ["one 45", "one 40", "two 35", "three 25"]);
});

test("the last inconclusive verdict can be read; where no host ever answered there is none", async () => {
  const { host, run } = setting();
  const outcome = await run([host("one", [tested("inconclusive")]), host("two", [new HostTrouble("away")])]);
  assert.equal(outcome.tested?.report.verdict, "inconclusive");
  assert.equal(outcome.attempts.length, 2);
  const none = await run([host("one", [new HostTrouble("away")])]);
  assert.equal(none.tested, undefined);
});

test("a mistake of the user's ends it at once", async () => {
  const { asked, host, run } = setting();
  await assert.rejects(
    run([host("one", [new Error("no such image")]), host("two", [tested("pass")])]),
    /no such image/,
  );
  assert.equal(asked.length, 1);
});

test("no host is asked without time or money for it", async () => {
  const { asked, host, run } = setting();
  const outcome = await run(
    [
      host("dear", [new HostTrouble("away")], { minutes: 30, dollarsPerHour: 6 }),
      host("too dear", [tested("pass")], { dollarsPerHour: 150 }),
      host("slow", [new HostTrouble("away")], { minutes: 15 }),
      host("late", [tested("pass")]),
    ],
    { dollars: 5, minutes: 45 },
  );
  assert.equal(outcome.tested, undefined);
  assert.deepEqual(asked, ["dear 45", "slow 15"]);
  // Three of five dollars are spent after half an hour of six: two are 48 seconds of 150, five would be two minutes.
  assert.deepEqual(
    outcome.attempts.map(({ host: name, reason }) => `${name}: ${reason}`),
    [
      "dear: away",
      "too dear: not asked: no money of the budget is left",
      "slow: away",
      "late: not asked: no time of the budget is left",
    ],
  );
});

test("an interrupted test asks nobody else", async () => {
  const { asked, host, run } = setting();
  const interrupt = new AbortController();
  const first = host("one", [new HostTrouble("interrupted")]);
  const stopping: TestHost = {
    ...first,
    test(order) {
      interrupt.abort();
      return first.test(order);
    },
  };
  await run([stopping, host("two", [tested("pass")])], undefined, interrupt.signal);
  assert.deepEqual(asked, ["one 45"]);
});
