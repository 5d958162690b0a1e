import { execa } from "execa";

/** How long a command took. */
export interface Taken {
  readonly seconds: number;
  /** Of all that it started: what a busy machine stretches least. */
  readonly processorSeconds: number;
}

/** What bash's `time` ends the error output with. */
const times = /^([\d.]+) ([\d.]+) ([\d.]+)$/m;

/** Runs a command of strata as `make` starts it, and throws where it fails. */
export async function timedCommand(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd: string,
): Promise<Taken & { readonly all: string }> {
  const script = 'TIMEFORMAT="%3R %3U %3S"; time "$0" "$@"';
  const run = await execa("bash", ["-c", script, process.execPath, ...words], {
    cwd,
    env: environment,
    stdin: "ignore",
    reject: false,
    all: true,
  });
  if (run.exitCode !== 0) throw new Error(`${words.join(" ")} failed:\n${run.all}`);
  const [, wall, user, system] = (times.exec(run.stderr.split("\n").slice(-1).join("")) ?? []).map(Number);
  return { seconds: wall ?? 0, processorSeconds: (user ?? 0) + (system ?? 0), all: run.all };
}

/** The quickest of some runs: what others do on the machine only adds. */
export async function best<T extends Taken>(rounds: number, run: () => Promise<T>): Promise<T> {
  let found: T | undefined;
  for (let round = 0; round < rounds; round++) {
    const taken = await run();
    if (!found || taken.seconds < found.seconds) found = taken;
  }
  if (!found) throw new Error("no round was run");
  return found;
}
