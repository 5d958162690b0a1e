import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import type { Outcome } from "../../../../tools/hosts/attempts.ts";
import { readSuspects, rememberSuspects, suspectsLast } from "../../../../tools/hosts/suspects.ts";
import type { TestHost } from "../../../../tools/hosts/test-host.ts";
import { passedRun } from "../../../support/evidence.ts";
import { temporaryFolder } from "../../support/folder.ts";

const digest = `sha256:${"a".repeat(64)}`;
const at = "2026-11-29T00:00:00Z";
const host = (name: string): TestHost => ({
  name,
  hasGpu: true,
  hasOthers: false,
  dollarsPerHour: 0,
  canRetry: () => false,
  test: () => Promise.reject(new Error("not asked")),
});

/** `machine` passed the image, which `alone` had failed. */
function passedOn(machine: string, alone?: string): Outcome {
  return {
    tested: { report: passedRun, host: { kind: "ssh", name: machine }, preparation: {}, cost: null },
    machine,
    seconds: 1,
    attempts: [],
    ...(alone && {
      secondOpinion: { outcome: "contradicted", machine: alone, failed: ["30-torch"], reason: "passed" },
    }),
  };
}

function quiet(t: TestContext): string[] {
  const told: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => told.push(text) > 0);
  return told;
}

test("a machine that failed alone is remembered, and asked last until it passes an image", async (t) => {
  const home = homeAt(join(temporaryFolder(t), "home"));
  await rememberSuspects(home, digest, passedOn("two:22"), at);
  assert.equal(existsSync(home.suspects), false, "nothing to remember");
  await rememberSuspects(home, digest, passedOn("two:22", "one:22"), at);
  assert.deepEqual(await readSuspects(home), { "one:22": { at, digest, failed: ["30-torch"] } });
  const told = quiet(t);
  const names = suspectsLast([host("one:22"), host("two:22")], await readSuspects(home)).map(
    ({ name }) => name,
  );
  assert.deepEqual(names, ["two:22", "one:22"]);
  assert.match(told.join(""), /one:22 is asked last: 30-torch failed there alone on 2026-11-29/);
  await rememberSuspects(home, digest, passedOn("one:22"), at);
  assert.deepEqual(await readSuspects(home), {});
});

test("who is confirmed, or could not be contradicted, is no suspect", async (t) => {
  const home = homeAt(join(temporaryFolder(t), "home"));
  for (const outcome of ["confirmed", "none"] as const) {
    const { secondOpinion, ...rest } = passedOn("two:22", "one:22");
    assert.ok(secondOpinion);
    await rememberSuspects(home, digest, { ...rest, secondOpinion: { ...secondOpinion, outcome } }, at);
  }
  assert.deepEqual(await readSuspects(home), {});
});
