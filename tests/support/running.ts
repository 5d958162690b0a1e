import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** How many processes of this machine were started with such words: steps of builds, and pods, are among them. */
export function running(words: string): number {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(words);
    } catch {
      // It has ended.
      return false;
    }
  }).length;
}

/** Waits until something holds. @throws after so many seconds; a busy machine takes its time */
export async function until(holds: () => boolean, seconds = 90): Promise<void> {
  const end = Date.now() + seconds * 1_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`it did not come to that within ${seconds} s`);
    await sleep(100);
  }
}
