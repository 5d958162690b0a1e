import { UserError } from "../../errors.ts";

/** What a shell expects of a program that Ctrl-C ended. */
const INTERRUPTED = 130;
const waiting = new Set<(signal: NodeJS.Signals) => void>();

/**
 * Runs a program. What the user can mend is printed without a stack; anything else is a bug and keeps its stack.
 * The number that `program` returns, if any, is the exit code. Ctrl-C ends it with 130; `deferInterrupts` is for the
 * stretch in which a child has to finish in order first.
 */
export async function main(program: () => Promise<number | undefined>): Promise<void> {
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
      process.stderr.write(`\nstrata: ${error.message}\n`);
    else process.stderr.write(`\nstrata: this is a bug:\n${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 1;
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
