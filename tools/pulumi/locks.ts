import { readdirSync, readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { throwAll, UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { commandLine } from "../program/processes.ts";
import type { Stack } from "../stack/stack.ts";

/** A lock of Pulumi's file backend. */
const lockSchema = z.object({
  pid: z.number(),
  hostname: z.string(),
  timestamp: z.string(),
  username: z.string().optional().catch(undefined),
});
type Lock = z.infer<typeof lockSchema>;

/** A lock as it lies there. */
export interface FoundLock {
  readonly path: string;
  /** When it was written, by its file. */
  readonly written: string;
  /** undefined: it is empty, or cut off. */
  readonly lock: Lock | undefined;
}

/** Who asks: this machine, and what its processes were started with. */
export interface Asker {
  readonly host: string;
  readonly argumentsOf: (pid: number) => readonly string[];
}

/** The locks of a stack in our file backend. */
export function updateLocks(home: Home, { project, name }: Pick<Stack, "project" | "name">): FoundLock[] {
  const folder = join(home.state, ".pulumi", "locks", "organization", project, name);
  let files: string[];
  try {
    files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  } catch {
    return [];
  }
  return files.flatMap((file) => lockAt(join(folder, file)) ?? []);
}

/** undefined where its owner has just removed it. */
function lockAt(path: string): FoundLock | undefined {
  try {
    const written = statSync(path).mtime.toISOString();
    return { path, written, lock: parseLock(readFileSync(path, "utf8")) };
  } catch {
    return undefined;
  }
}

function parseLock(text: string): Lock | undefined {
  try {
    return lockSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Throws where a lock may be held by somebody: whose it is, since when, where it lies, what to do about it. */
export function refuseHeld(
  stack: string,
  locks: readonly FoundLock[],
  asker: Asker = { host: hostname(), argumentsOf: commandLine },
): void {
  throwAll(
    `stack ${stack}`,
    locks.flatMap((found) => lockProblem(stack, found, asker) ?? []),
  );
}

function lockProblem(stack: string, { path, written, lock }: FoundLock, asker: Asker): UserError | undefined {
  const where = `stack ${stack}`;
  const removal = `If no update runs there, remove it: rm '${path}'`;
  if (lock === undefined) {
    const problem = `has a lock that does not say whose it is, as it is empty or cut off; written ${written}.`;
    return new UserError(where, problem, removal.replace(" there", ""));
  }
  if (!isHeld(lock, asker.host, asker.argumentsOf)) return undefined;
  const { pid, hostname: host, timestamp, username = "somebody" } = lock;
  return host === asker.host
    ? new UserError(
        where,
        `is being changed by process ${pid} of ${username} on this machine, since ${timestamp}: ${path}.`,
        "Wait for it, or end it; then run the same command again.",
      )
    : new UserError(
        where,
        `is locked by ${username} on ${host}, process ${pid}, since ${timestamp}; this machine is ${asker.host}.`,
        removal,
      );
}

/** The lock of a process of another machine counts as held: from here nobody can tell. */
export function isHeld(lock: Lock, host: string, argumentsOf: Asker["argumentsOf"]): boolean {
  if (lock.hostname !== host) return true;
  return argumentsOf(lock.pid)[0]?.split("/").at(-1) === "pulumi";
}
