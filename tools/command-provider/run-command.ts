import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { tail } from "../program/exec.ts";
import type { CommandInputs } from "./command.ts";

/** Characters of one log line; more would only fill the display. */
const LONGEST_LINE = 2_000;
/** Characters of a failed command's output in its error: gRPC sends an error in a header, which has to be short. */
const LONGEST_ERROR = 6_000;
/** Milliseconds between asking a command to end and ending it. */
const PATIENCE_MS = 5_000;

const running = new Set<ChildProcess>();

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `command` as `inputs` say, in a process group of its own. Lines are given to `log` as they come. A command
 * that fails is an error with its exit code and the end of its output.
 */
export async function runCommand(
  command: string,
  inputs: CommandInputs,
  variables: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Promise<CommandOutput> {
  const [program = "/bin/sh", ...args] = inputs.interpreter?.length ? inputs.interpreter : ["/bin/sh", "-c"];
  const child = spawn(program, [...args, command], {
    detached: true,
    env: { ...process.env, ...inputs.environment, ...variables },
    stdio: [inputs.stdin ? "pipe" : "ignore", "pipe", "pipe"],
    ...(inputs.dir === undefined ? {} : { cwd: inputs.dir }),
  });
  running.add(child);
  try {
    // A command that does not read its input is no failure.
    child.stdin?.on("error", () => {});
    child.stdin?.end(inputs.stdin);
    const logging = inputs.logging ?? "stdoutAndStderr";
    const both: string[] = [];
    const collect = (stream: Readable | null, logged: boolean) =>
      gather(stream, both, logged ? log : () => {});
    const [stdout, stderr, status] = await Promise.all([
      collect(child.stdout, logging === "stdout" || logging === "stdoutAndStderr"),
      collect(child.stderr, logging === "stderr" || logging === "stdoutAndStderr"),
      ended(child),
    ]);
    if (status === 0) return { stdout: stdout.replace(/\n$/, ""), stderr: stderr.replace(/\n$/, "") };
    const output = tail(both.join(""), 60).slice(-LONGEST_ERROR);
    throw new Error(`exit status ${status}: running ${JSON.stringify(command.slice(0, 300))}:\n${output}`);
  } finally {
    running.delete(child);
  }
}

/** Resolves with the exit code; death by a signal counts as a shell counts it. */
function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`the command cannot be started: ${error.message}`)));
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

async function gather(stream: Readable | null, both: string[], log: (line: string) => void): Promise<string> {
  let output = "";
  let line = "";
  stream?.setEncoding("utf8");
  for await (const chunk of stream ?? []) {
    output += chunk;
    both.push(chunk);
    const lines = (line + chunk).split("\n");
    line = lines.pop() ?? "";
    for (const complete of lines) if (complete.trim()) log(complete.slice(0, LONGEST_LINE));
  }
  if (line.trim()) log(line.slice(0, LONGEST_LINE));
  return output;
}

/** Ends every running command with all that it started: politely, then for good. */
export async function cancelAll(patience = PATIENCE_MS): Promise<void> {
  signalAll("SIGTERM");
  const until = Date.now() + patience;
  while (running.size > 0 && Date.now() < until) await sleep(50);
  signalAll("SIGKILL");
}

/** Signals the process groups of all running commands. */
export function signalAll(signal: NodeJS.Signals): void {
  for (const child of running) {
    if (child.pid === undefined) continue;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It has just ended.
    }
  }
}
