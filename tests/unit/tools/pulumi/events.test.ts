import assert from "node:assert/strict";
import { test } from "node:test";
import { type EngineEvent, parseEvent } from "../../../../tools/pulumi/engine-events.ts";
import { Reporter } from "../../../../tools/pulumi/events.ts";

const urn = "urn:pulumi:dev::strata::strata:index:LayeredImage$docker-build:index:Image::torch";
const inputs = { exports: [{ raw: "type=registry,name=r/strata:stage-torch-1,push=true" }] };

function metadata(op: string, custom = true) {
  return { metadata: { op, urn, type: "docker-build:index:Image", new: { custom, inputs } } };
}

function recording() {
  const clock = { now: 0 };
  const lines: string[] = [];
  const logged: string[] = [];
  const sink = {
    line: (text: string) => lines.push(text),
    step: (text: string) => lines.push(text),
    log: (name: string, text: string) => logged.push(`${name}|${text}`),
  };
  const reporter = new Reporter(sink, () => clock.now);
  const log = (message: string): EngineEvent => ({
    diagnosticEvent: { urn, message, severity: "info", ephemeral: true },
  });
  return { clock, lines, logged, reporter, log };
}

test("a build is one line at its start and one at its end; its log goes to the log", () => {
  const { clock, lines, logged, reporter, log } = recording();
  reporter.handle({ resourcePreEvent: metadata("create") });
  reporter.handle(log("#1 pulling\n\n#2 compiling\n"));
  clock.now = 75_000;
  reporter.handle({ resOutputsEvent: metadata("create") });
  assert.deepEqual(lines, ["  torch: build", "  torch: done (1m 15s)"]);
  assert.deepEqual(logged, ["torch|#1 pulling", "torch|#2 compiling"]);
});

test("what stays the same and what only groups others is not mentioned", () => {
  const { lines, reporter } = recording();
  reporter.handle({ resourcePreEvent: metadata("same") });
  reporter.handle({ resourcePreEvent: metadata("create", false) });
  reporter.handle({ resOutputsEvent: metadata("same") });
  assert.deepEqual(lines, []);
});

test("the heartbeat names what runs, for how long, and its last line", () => {
  const { clock, reporter, log } = recording();
  assert.equal(reporter.heartbeat(), undefined);
  reporter.handle({ resourcePreEvent: metadata("update") });
  reporter.handle(log("#7 [ 3/12] x\n"));
  clock.now = 30_000;
  assert.equal(reporter.heartbeat(), "  ... torch 30s (#7 [ 3/12] x)");
});

test("a failure keeps the end of its log and what it was building", () => {
  const { clock, lines, reporter, log } = recording();
  reporter.handle({ resourcePreEvent: metadata("create") });
  for (let line = 1; line <= 50; line++) reporter.handle(log(`line ${line}`));
  reporter.handle({ diagnosticEvent: { urn, message: "failed to solve", severity: "error" } });
  clock.now = 2_000;
  reporter.handle({ resOpFailedEvent: metadata("create") });
  assert.deepEqual(lines.slice(1), ["error: torch: failed to solve", "  torch: FAILED after 2s"]);
  const [failure] = reporter.failures;
  assert.equal(failure?.target, "r/strata:stage-torch-1");
  assert.equal(failure?.tail.length, 30);
  assert.equal(failure?.tail.at(-1), "line 50");
});

test("an error that tells the end of the log itself is enough", () => {
  const { reporter, log } = recording();
  reporter.handle({ resourcePreEvent: metadata("create") });
  reporter.handle(log("no such file\n"));
  reporter.handle({ diagnosticEvent: { urn, message: "exit status 1:\n  no such file", severity: "error" } });
  reporter.handle({ resOpFailedEvent: metadata("create") });
  assert.deepEqual(reporter.failures[0]?.tail, []);
});

test("the program's own messages are passed on, the engine's debugging is not", () => {
  const { lines, reporter } = recording();
  const stack = "urn:pulumi:dev::strata::pulumi:pulumi:Stack::strata-dev";
  reporter.handle({ diagnosticEvent: { urn: stack, message: "two\nlines\n", severity: "warning" } });
  reporter.handle({ diagnosticEvent: { message: "noise", severity: "debug" } });
  assert.deepEqual(lines, ["warning: two", "lines"]);
});

test("lines that are no events are recognised", () => {
  assert.equal(parseEvent("error: no stack"), undefined);
  assert.equal(parseEvent("{broken"), undefined);
  assert.deepEqual(parseEvent('{"sequence":1,"cancelEvent":{}}'), {});
});
