import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readable, SilenceClock, uploaded } from "../../../../oci/access/silence.ts";

const code = (clock: SilenceClock) => (clock.signal.reason as { code?: string } | undefined)?.code;

test("the clock goes off once nothing came for too long, and starts anew with whatever comes", async () => {
  const clock = new SilenceClock(100);
  clock.start();
  await sleep(60);
  clock.start();
  await sleep(60);
  assert.equal(clock.signal.aborted, false);
  clock.stop();
  await sleep(120);
  assert.equal(clock.signal.aborted, false);
  clock.start();
  await sleep(150);
  assert.equal(code(clock), "ETIMEDOUT");
  assert.match(String(clock.signal.reason), /silent for 0\.1 s/);
});

test("the clock keeps no process alive", () => {
  const clock = new SilenceClock(60_000);
  const before = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  clock.start();
  const after = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  clock.stop();
  assert.equal(after, before);
});

/** Notes in which order the clock is started and stopped. */
class NotedClock extends SilenceClock {
  readonly calls: string[] = [];
  override start(): void {
    this.calls.push("start");
  }
  override stop(): void {
    this.calls.push("stop");
  }
}

test("time runs while a chunk of an answer is waited for, and not while its reader is at work", async () => {
  const clock = new NotedClock(1000);
  const { chunks, status, headers } = readable(
    new Response("abc", { status: 203, headers: { a: "b" } }),
    clock,
  );
  assert.deepEqual([status, headers.get("a")], [203, "b"]);
  for await (const chunk of chunks()) {
    assert.equal(chunk.toString(), "abc");
    clock.calls.push("reads");
  }
  assert.deepEqual(clock.calls, ["start", "stop", "reads", "start", "stop"]);
  assert.equal((await readable(new Response(null), clock).bytes()).length, 0);
  assert.equal((await readable(new Response("xyz"), clock).bytes()).toString(), "xyz");
});

test("a reader who leaves early leaves no clock running", async () => {
  const clock = new NotedClock(1000);
  for await (const _ of readable(new Response("abc"), clock).chunks()) break;
  assert.equal(clock.calls.at(-1), "stop");
});

test("of an upload time runs while the registry has a chunk to take, and after the last one", async () => {
  const clock = new NotedClock(1000);
  async function* source() {
    clock.calls.push("source");
    yield Buffer.from("a");
    clock.calls.push("source");
  }
  for await (const chunk of uploaded(source(), clock)) clock.calls.push(`sends ${chunk.length}`);
  assert.deepEqual(clock.calls, ["stop", "source", "start", "sends 1", "stop", "source", "start"]);
});
