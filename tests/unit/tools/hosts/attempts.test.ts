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
    { minutes = 1, dollarsPerHour = 0, hasGpu = false, hasOthers = false } = {},
  ) => {
    const left = [...answers];
    return {
      name,
      canRetry: () => left.length > 0,
      hasGpu,
      hasOthers,
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

/** A machine with a GPU on which these checks failed; none is a pass. */
function onGpu(name: string, ...failed: readonly (readonly [string, string])[]): TestOutcome {
  const outcome = tested(failed.length > 0 ? "fail" : "pass");
  const checks = failed.map(([id, reason]) => ({
    id,
    title: id,
    status: "fail" as const,
    seconds: 1,
    reason,
  }));
  const report = failed.length > 0 ? { ...outcome.report, checks } : outcome.report;
  return { ...outcome, report, host: { kind: "ssh", name } };
}
const gpu = { hasGpu: true };
const wrong = ["30-torch.matmul-gpu", "wrong numbers"] as const;

test("a failure on a GPU is asked again on another machine, which contradicts it: both are in the outcome", async () => {
  const { asked, host, run } = setting();
  const outcome = await run([
    host("one", [onGpu("one", wrong)], { ...gpu, minutes: 5 }),
    // It cannot contradict a GPU.
    host("builder", [tested("pass")]),
    host("two", [onGpu("two")], gpu),
  ]);
  assert.deepEqual(asked, ["one 45", "two 40"]);
  assert.equal(outcome.tested?.report.verdict, "pass");
  assert.equal(outcome.machine, "two");
  assert.deepEqual(outcome.attempts, [
    { host: "one", reason: "failed 30-torch.matmul-gpu: wrong numbers", seconds: 300 },
  ]);
  assert.deepEqual(outcome.secondOpinion, {
    outcome: "contradicted",
    machine: "one",
    failed: ["30-torch.matmul-gpu"],
    reason: "two passed the image",
  });
});

test("what another machine fails too is the image's; trouble in between is no opinion", async () => {
  const { asked, host, run } = setting();
  const outcome = await run([
    host("one", [onGpu("one", wrong)], gpu),
    host("two", [new HostTrouble("no driver")], gpu),
    host("three", [onGpu("three", ["40-attention.sdpa", "nan"])], gpu),
  ]);
  assert.deepEqual(asked, ["one 45", "two 44", "three 43"]);
  assert.equal(outcome.machine, "three");
  assert.equal(outcome.tested?.report.verdict, "fail");
  assert.deepEqual(
    outcome.attempts.map(({ host: name }) => name),
    ["one", "two"],
  );
  assert.deepEqual(outcome.secondOpinion, {
    outcome: "confirmed",
    machine: "one",
    failed: ["30-torch.matmul-gpu"],
    reason: "three failed it too (40-attention.sdpa)",
  });
});

test("where there is only one machine the failure stands, and says so; so does one that nobody could contradict", async () => {
  const { host, run } = setting();
  const twice = host("one", [onGpu("one", wrong)], gpu);
  const alone = await run([twice, { ...twice, name: "one" }, host("builder", [tested("pass")])]);
  assert.equal(alone.tested?.report.verdict, "fail");
  assert.deepEqual(alone.attempts, []);
  assert.equal(alone.secondOpinion?.outcome, "none");
  assert.match(alone.secondOpinion?.reason ?? "", /there is only one machine with a GPU/);
  const poor = setting();
  const spent = await poor.run([
    poor.host("one", [onGpu("one", wrong)], gpu),
    poor.host("away", [new HostTrouble("no capacity")], { ...gpu, minutes: 44 }),
    poor.host("late", [onGpu("late")], gpu),
  ]);
  assert.equal(spent.tested?.host.name, "one");
  assert.deepEqual(
    spent.attempts.map(({ host: name }) => name),
    ["away", "late"],
  );
  assert.equal(
    spent.secondOpinion?.reason,
    "away: no capacity; late: not asked: no time of the budget is left",
  );
});

test("a host that has other machines is asked again itself", async () => {
  const { asked, host, run } = setting();
  const aws = (name: string, ...failed: (readonly [string, string])[]): TestOutcome => ({
    ...onGpu(name, ...failed),
    host: { kind: "aws", name, instanceType: "g6.xlarge", zone: `us-east-1${name.at(-1)}`, market: "spot" },
  });
  const outcome = await run([host("aws", [aws("i-a", wrong), aws("i-b")], { ...gpu, hasOthers: true })]);
  assert.deepEqual(asked, ["aws 45", "aws 44"]);
  assert.equal(outcome.secondOpinion?.machine, "i-a (g6.xlarge in us-east-1a)");
  assert.equal(outcome.secondOpinion?.reason, "i-b (g6.xlarge in us-east-1b) passed the image");
});

test("what does not depend on the machine blames the image at once", async () => {
  for (const failed of [
    [["20-libraries.missing", "libfoo.so"]],
    [wrong, ["15-environment.user", "root"]],
    [["90-container.start", "they ended with status 127 and no findings: exec: not found"]],
  ] satisfies (readonly [string, string])[][]) {
    const { asked, host, run } = setting();
    const outcome = await run([
      host("one", [onGpu("one", ...failed)], gpu),
      host("two", [onGpu("two")], gpu),
    ]);
    assert.equal(outcome.tested?.report.verdict, "fail");
    assert.equal(outcome.secondOpinion, undefined);
    assert.deepEqual(asked, ["one 45"]);
  }
  // A crash may be the driver's.
  const { asked, host, run } = setting();
  const crash = ["90-container.start", "they ended with status 139 and no findings"] as const;
  await run([host("one", [onGpu("one", crash)], gpu), host("two", [onGpu("two")], gpu)]);
  assert.deepEqual(asked, ["one 45", "two 44"]);
});
