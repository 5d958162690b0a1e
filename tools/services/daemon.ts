import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, statSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { tail } from "../program/exec.ts";
import { recall, writeAtomically, writeJson } from "../program/files.ts";
import {
  commandLine,
  findProcess,
  identify,
  isSame,
  listenerOf,
  terminateProcess,
} from "../program/processes.ts";
import { withProgress } from "../program/progress.ts";
import { isFree, type Occupant } from "./ports.ts";

/** A program that stays when `make` is over. */
export interface Daemon {
  /** The name of its configuration, pid file and log. */
  readonly name: string;
  readonly program: string;
  /** Arguments, given the configuration file's path. */
  readonly args: (config: string) => readonly string[];
  /** The configuration file's name and text. */
  readonly configFile: string;
  readonly config: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where it listens, in words. */
  readonly place: string;
  /** Whether it works, not only runs. */
  readonly healthy: () => Promise<boolean>;
  /** Throws where a sound one of another configuration has to be left alone for now. */
  readonly beforeReplacing?: () => Promise<void>;
  /** Clears away what one that was killed has left. */
  readonly beforeStart?: () => Promise<void>;
  /** Milliseconds it may take to stop in order: an open database has to be closed. */
  readonly patience: number;
}

const pidFile = z.strictObject({ pid: z.number(), started: z.number(), program: z.string() });

/** Milliseconds until a daemon has to be healthy: a builder with a large store reads it first. */
const START_MS = 60_000;
const LOG_LIMIT = 10_000_000;

/**
 * Makes sure that the daemon runs with exactly this program and configuration and is healthy: one that is dead, sick
 * or of another configuration is started anew. Says whether it was started.
 */
export async function ensureDaemon(home: Home, daemon: Daemon): Promise<boolean> {
  const config = join(home.run, daemon.configFile);
  const running =
    (await runningDaemon(home, daemon.name, daemon.configFile)) ?? (await lostDaemon(home, daemon));
  if (running) {
    const current = existsSync(config) && readFileSync(config, "utf8") === daemon.config;
    if (await daemon.healthy()) {
      if (current && running.program === daemon.program) return false;
      await daemon.beforeReplacing?.();
    }
    await stopDaemon(home, daemon.name, daemon.configFile, daemon.patience);
  }
  await writeAtomically(config, daemon.config);
  await withProgress(`Starting ${daemon.name} on ${daemon.place}`, () => start(home, daemon, config));
  return true;
}

async function start(home: Home, daemon: Daemon, config: string): Promise<void> {
  await mkdir(home.logs, { recursive: true });
  await daemon.beforeStart?.();
  const log = join(home.logs, `${daemon.name}.log`);
  if (existsSync(log) && statSync(log).size > LOG_LIMIT) await rename(log, `${log}.old`);
  const output = openSync(log, "a");
  const child = spawn(daemon.program, daemon.args(config), {
    // A session of its own, so that neither Ctrl-C nor the end of make reaches it.
    detached: true,
    stdio: ["ignore", output, output],
    cwd: home.root,
    env: { ...process.env, ...daemon.env },
  });
  let ended: string | undefined;
  child.once("error", (error) => {
    ended = error.message;
  });
  child.once("exit", (code, signal) => {
    ended = `it ended with ${signal ?? `exit code ${code}`}`;
  });
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity) await writeJson(pidPath(home, daemon.name), { ...identity, program: daemon.program });

  const until = Date.now() + START_MS;
  while (!(await daemon.healthy())) {
    if (ended || Date.now() > until) {
      if (identity) await terminateProcess(identity, daemon.patience);
      await rm(pidPath(home, daemon.name), { force: true });
      throw new UserError(
        daemon.name,
        `did not start: ${ended ?? `no answer within ${START_MS / 1_000} s`}. The end of ${log}:\n${tail(lastPart(log), 8)}\n`,
        "Mend what the log says and run the same command again.",
      );
    }
    await sleep(50);
  }
}

/** Stops the daemon if it is the one that we started. Says whether there was one. */
export async function stopDaemon(
  home: Home,
  name: string,
  configFile: string,
  patience: number,
): Promise<boolean> {
  const running = await runningDaemon(home, name, configFile);
  if (running) await terminateProcess(running, patience);
  await rm(pidPath(home, name), { force: true });
  return running !== undefined;
}

/**
 * The daemon that the pid file names, if that process lives and really is ours: the file may be older than the
 * machine's last start, and its pid somebody else's by now.
 */
async function runningDaemon(
  home: Home,
  name: string,
  configFile: string,
): Promise<z.infer<typeof pidFile> | undefined> {
  const noted = await recall(pidPath(home, name), pidFile);
  return noted && isSame(noted) && isStrataProcess(commandLine(noted.pid), join(home.run, configFile))
    ? noted
    : undefined;
}

/** A daemon of ours whose pid file was lost: a second one beside it would fight for the same files. */
async function lostDaemon(
  home: Home,
  { name, program, configFile }: Daemon,
): Promise<z.infer<typeof pidFile> | undefined> {
  const config = join(home.run, configFile);
  const pid = findProcess(
    // Somebody may look at the file with an editor.
    (args) => basename(args[0] ?? "") === basename(program) && isStrataProcess(args, config),
  );
  return pid === undefined ? undefined : await takeOver(home, name, pid);
}

async function takeOver(home: Home, name: string, pid: number): Promise<z.infer<typeof pidFile> | undefined> {
  const identity = identify(pid);
  if (!identity) return undefined;
  const taken = { ...identity, program: commandLine(pid)[0] ?? "" };
  await writeJson(pidPath(home, name), taken);
  return taken;
}

/** Whether a process was started with our configuration file. */
export function isStrataProcess(args: readonly string[], config: string): boolean {
  return args.some((argument) => argument === config || argument.endsWith(`=${config}`));
}

/** Who has `port`, seen from the daemon of `configFile`. A daemon of ours whose pid file was lost is taken over. */
export async function occupantOf(
  home: Home,
  name: string,
  configFile: string,
  port: number,
): Promise<Occupant> {
  if (await isFree(port)) return { kind: "nobody" };
  const pid = listenerOf(port);
  const args = pid === undefined ? [] : commandLine(pid);
  if (pid !== undefined && isStrataProcess(args, join(home.run, configFile))) {
    await takeOver(home, name, pid);
    return { kind: "ours" };
  }
  const shown = args.join(" ");
  return {
    kind: "stranger",
    description:
      pid === undefined
        ? "another process"
        : `process ${pid} (${shown.length > 80 ? `${shown.slice(0, 77)}...` : shown})`,
  };
}

function pidPath(home: Home, name: string): string {
  return join(home.run, `${name}.pid`);
}

function lastPart(path: string): string {
  return readFileSync(path, "utf8").slice(-8_000);
}
