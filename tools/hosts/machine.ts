import { spawn } from "node:child_process";
import { hostname } from "node:os";
import type { Readable } from "node:stream";

/** Trouble of a host: it says nothing about the image, and another host may do better. */
export class HostTrouble extends Error {
  override name = "HostTrouble";
}

/** How a command on a machine ended. */
export interface CommandEnd {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** What a command gets beside its words. */
export interface RunOptions {
  readonly stdin?: Buffer;
  /** Milliseconds after which it is given up. */
  readonly limitMs?: number;
  /** Called with each line of stdout as it comes, where the way to the machine allows it. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** A machine with a container engine, however it is reached. */
export interface Machine {
  readonly name: string;
  /**
   * Runs a program with its arguments and answers however it ended.
   *
   * @throws HostTrouble when the machine is lost, or the program takes longer than its limit
   */
  run(words: readonly string[], options?: RunOptions): Promise<CommandEnd>;
  /** A new way to the same machine, where it may have been lost on the way. */
  reopen?(): Promise<Machine>;
  close(): Promise<void>;
}

/** One word for a shell, whatever it holds. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** This machine. */
export class LocalMachine implements Machine {
  readonly name = hostname();

  async run([program = "", ...args]: readonly string[], options: RunOptions = {}): Promise<CommandEnd> {
    const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    // A program that does not read its input is no failure.
    child.stdin.on("error", () => {});
    child.stdin.end(options.stdin);
    const stdout = gather(child.stdout, options.onLine);
    const stderr = gather(child.stderr);
    const status = new Promise<number>((resolve, reject) => {
      child.once("error", (error) =>
        reject(new HostTrouble(`${program} cannot be started: ${error.message}`)),
      );
      child.once("close", (code) => resolve(code ?? 128));
    });
    return await limited(
      options,
      Promise.all([status, stdout, stderr]).then(([code, out, err]) => ({
        status: code,
        stdout: out,
        stderr: err.toString(),
      })),
      () => {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      },
    );
  }

  async close(): Promise<void> {}
}

/** Everything that a stream brings, with its lines told as they come. */
export async function gather(stream: Readable, onLine: (line: string) => void = () => {}): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let rest = "";
  for await (const chunk of stream) {
    chunks.push(chunk);
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
  return Buffer.concat(chunks);
}

/** Waits for `work`, but no longer than the options say; then `end` puts an end to it. */
export async function limited<T>(
  { limitMs, signal }: Pick<RunOptions, "limitMs" | "signal">,
  work: Promise<T>,
  end: () => void,
): Promise<T> {
  const limits = [
    ...(signal ? [signal] : []),
    ...(limitMs === undefined ? [] : [AbortSignal.timeout(Math.max(1, limitMs))]),
  ];
  if (limits.length === 0) return await work;
  const limit = AbortSignal.any(limits);
  let onAbort = () => {};
  const over = new Promise<never>((_, reject) => {
    onAbort = () => {
      try {
        end();
      } catch {
        // It has just ended.
      }
      const seconds = Math.round((limitMs ?? 0) / 1000);
      reject(new HostTrouble(signal?.aborted ? "the test was interrupted" : `no end within ${seconds} s`));
    };
    if (limit.aborted) onAbort();
    else limit.addEventListener("abort", onAbort, { once: true });
  });
  // Whoever loses the race may still fail later.
  work.catch(() => {});
  over.catch(() => {});
  try {
    return await Promise.race([work, over]);
  } finally {
    limit.removeEventListener("abort", onAbort);
  }
}
