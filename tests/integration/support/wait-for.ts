import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Returns once it is so; fails after so many seconds. */
export async function waitFor(what: string, isSo: () => Promise<boolean>, seconds = 30): Promise<void> {
  const limit = performance.now() + seconds * 1000;
  while (!(await isSo())) {
    assert.ok(performance.now() < limit, `${what}: not within ${seconds} s`);
    await sleep(200);
  }
}
