import { spawn } from "node:child_process";
import { join } from "node:path";
import type { AwsDescription } from "../../../lib/hosts/description.ts";
import type { GuardMessage } from "./guardian.ts";

/** Hears what a test has on AWS, and ends it should this process die. */
export interface Guard {
  tell(message: GuardMessage): void;
}

/** For tests that have nothing there. */
export const unguarded = (): Guard => ({ tell: () => {} });

/** Starts the process that does it. It says nothing, and holds none of this one's streams: whoever reads those would wait for it. */
export function startGuard({ region, profile }: Pick<AwsDescription, "region" | "profile">): Guard {
  const words = [join(import.meta.dirname, "guardian.ts"), region, ...(profile ? [profile] : [])];
  const guardian = spawn(process.execPath, words, {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guardian.unref();
  // Without it the instance has its other ends.
  guardian.on("error", () => {});
  guardian.stdin.on("error", () => {});
  return {
    tell(message) {
      guardian.stdin.write(`${JSON.stringify(message)}\n`);
      if (message.done) guardian.stdin.end();
    },
  };
}
