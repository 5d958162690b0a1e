import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A process, told apart from a later one with the same pid by the time it was started at. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, the 22nd field of `/proc/<pid>/stat`. */
  readonly started: number;
}

/** The identity of the process that has `pid` now, or undefined when there is none; zombies do not count. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : parseStat(pid, stat);
}

/** The parent of a process, or undefined when that process is gone. */
export function parentOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** Reads `/proc/<pid>/stat`; the program's name in it may hold spaces and parentheses. */
export function parseStat(pid: number, stat: string): ProcessIdentity | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const started = Number(fields[19]);
  return fields[0] === "Z" || fields[0] === "X" || !Number.isFinite(started) ? undefined : { pid, started };
}

export function isSame(process: ProcessIdentity): boolean {
  return identify(process.pid)?.started === process.started;
}

/** The arguments that a process was started with; empty when it is gone. */
export function commandLine(pid: number): string[] {
  return (read(`/proc/${pid}/cmdline`) ?? "").split("\0").filter(Boolean);
}

/** The process of this user that was started with such arguments; of several, the one that started the others. */
export function findProcess(isMeant: (args: readonly string[]) => boolean): number | undefined {
  const pids = readdirSync("/proc").filter(
    (entry) => /^\d+$/.test(entry) && isOwn(entry) && isMeant(commandLine(Number(entry))),
  );
  const found = new Set(pids.map(Number));
  return [...found].find((pid) => !found.has(parentOf(pid) ?? 0));
}

function isOwn(pid: string): boolean {
  try {
    return statSync(`/proc/${pid}`).uid === process.getuid?.();
  } catch {
    return false;
  }
}

/** The pid that listens on a TCP port of this machine, as far as /proc tells; another user's process stays unknown. */
export function listenerOf(port: number): number | undefined {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((table) => read(table) ?? "");
  const inodes = tables.flatMap((table) => listeningInodes(table, port));
  if (inodes.length === 0) return undefined;
  const sockets = new Set(inodes.map((inode) => `socket:[${inode}]`));
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const held = readdirSync(`/proc/${entry}/fd`).some((fd) => {
        try {
          return sockets.has(readlinkSync(`/proc/${entry}/fd/${fd}`));
        } catch {
          return false;
        }
      });
      if (held) return Number(entry);
    } catch {
      // Another user's process, or one that has just ended.
    }
  }
  return undefined;
}

/** The socket inodes that listen on `port` in a table such as `/proc/net/tcp`. */
export function listeningInodes(table: string, port: number): string[] {
  const LISTEN = "0A";
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[3] === LISTEN && fields[1]?.endsWith(`:${hex}`) && fields[9] ? [fields[9]] : [];
  });
}

/** Ends a process that we started: SIGTERM, and SIGKILL when it is still there after `patience` milliseconds. */
export async function terminateProcess(process: ProcessIdentity, patience: number): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (!isSame(process)) return;
    globalThis.process.kill(process.pid, signal);
    const until = Date.now() + patience;
    while (isSame(process) && Date.now() < until) await sleep(50);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
