import { UserError } from "../../errors.ts";
import { commandWords } from "./package-words.ts";

/** What a shell expects of a program that Ctrl-C ended. */
const INTERRUPTED = 130;
const waiting = new Set<(signal: NodeJS.Signals) => void>();

export interface ProgramOptions {
  /** What `--help` prints. */
  readonly help?: string;
  /** The exit code where the work could not be done, for programs whose 1 is an answer. @default 1 */
  readonly trouble?: number;
}

/**
 * Runs a program: every command and every step begins here. What the user can mend is printed without a stack; anything
 * else is a bug and keeps its stack. The number that `program` returns, if any, is the exit code. Ctrl-C ends it with
 * 130; `deferInterrupts` is for the stretch in which a child has to finish in order first.
 */
export async function main(
  program: () => Promise<number | undefined>,
  { help, trouble = 1 }: ProgramOptions = {},
): Promise<void> {
  if (help !== undefined && process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
    process.stdout.write(`${commandWords(help)}\n`);
    return;
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (waiting.size > 0) for (const handle of waiting) handle(signal);
      else {
        process.stderr.write("\nInterrupted. The same command goes on where this one stopped.\n");
        process.exit(INTERRUPTED);
      }
    });
  }
  try {
    process.exitCode = (await program()) ?? 0;
  } catch (error) {
    if (error instanceof UserError || isWrongOption(error))
      process.stderr.write(`\nstrata: ${commandWords(error.message)}\n`);
    else process.stderr.write(`\nstrata: this is a bug:\n${error instanceof Error ? error.stack : error}\n`);
    // At once, not when the last connection has closed: one may be waiting for a registry that is silent.
    process.exit(trouble);
  }
}

/** While `work` runs, a signal calls `handle` instead of ending this process. */
export async function deferInterrupts<T>(
  handle: (signal: NodeJS.Signals) => void,
  work: () => Promise<T>,
): Promise<T> {
  waiting.add(handle);
  try {
    return await work();
  } finally {
    waiting.delete(handle);
  }
}

/** What `parseArgs` says of an option that it does not know. */
function isWrongOption(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}
