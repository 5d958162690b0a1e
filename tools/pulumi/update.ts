import { createWriteStream, mkdirSync, rmSync, type WriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { tail } from "../exec.ts";
import type { Home } from "../home.ts";
import { deferInterrupts } from "../main.ts";
import { note } from "../progress.ts";
import { builderLog } from "./build-log.ts";
import { type Failure, parseEvent, Reporter } from "./events.ts";
import type { Stack } from "./stack.ts";

const HEARTBEAT_MS = 30_000;

/**
 * Runs `pulumi <args>` on the stack and returns its exit code. On a terminal Pulumi shows its own display; elsewhere
 * its events become plain lines, and each resource's log goes to `<home>/logs/build/<name>.log`.
 */
export async function runPulumi(home: Home, stack: Stack, args: readonly string[]): Promise<number> {
  const terminal = process.stdout.isTTY && process.stderr.isTTY;
  const mode = terminal ? [] : ["--non-interactive", "--json"];
  const child = execa(stack.pulumi, [...args, "--stack", stack.name, ...mode], {
    cwd: stack.folder,
    env: stack.environment,
    reject: false,
    buffer: false,
    stdin: "ignore",
    stdout: terminal ? "inherit" : "pipe",
    stderr: terminal ? "inherit" : "pipe",
  });
  let told = false;
  return await deferInterrupts(
    (signal) => {
      if (!told) note("\nInterrupted: running builds are cancelled. Once more ends them without waiting.");
      told = true;
      // Ctrl-C on a terminal reaches Pulumi by itself; a signal to this process alone does not.
      if (!terminal || signal !== "SIGINT") child.kill("SIGINT");
    },
    async () => {
      const logs = new BuildLogs(join(home.logs, "build"));
      const reporter = new Reporter({ line: note, log: (name, text) => logs.write(name, text) });
      const beat = setInterval(() => {
        const text = terminal ? undefined : reporter.heartbeat();
        if (text) note(text);
      }, HEARTBEAT_MS);
      try {
        if (child.stdout) {
          createInterface({ input: child.stdout }).on("line", (line) => {
            const event = parseEvent(line);
            if (event) reporter.handle(event);
            else if (line.trim()) note(line);
          });
        }
        if (child.stderr) createInterface({ input: child.stderr }).on("line", note);
        const result = await child;
        if (!told) for (const failure of reporter.failures) await showLog(home, failure, stack.environment);
        return told ? 130 : (result.exitCode ?? 1);
      } finally {
        clearInterval(beat);
        logs.close();
      }
    },
  );
}

/** Lines of a failed build that are shown. */
const SHOWN_LINES = 40;

/** Shows the end of what a failed operation wrote. */
async function showLog(
  home: Home,
  { name, target, tail: passedOn }: Failure,
  environment: Stack["environment"],
): Promise<void> {
  // The docker-build provider drops the lines that come right before the end; the builder has all of them.
  const whole = target && (await builderLog(home, target, environment));
  if (!whole && passedOn.length === 0) return;
  const file = join(home.logs, "build", `${name}-failed.log`);
  if (whole) await writeFile(file, whole);
  note(`\nThe end of what ${name} wrote${whole ? ` (all of it: ${file})` : ""}:`);
  note(tail(whole || passedOn.join("\n"), SHOWN_LINES));
}

/** One file a resource, begun anew in each run. */
class BuildLogs {
  readonly #folder: string;
  readonly #streams = new Map<string, WriteStream>();

  constructor(folder: string) {
    this.#folder = folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }

  write(name: string, text: string): void {
    let stream = this.#streams.get(name);
    if (!stream) {
      stream = createWriteStream(join(this.#folder, `${name.replaceAll(/[^\w.-]/g, "_")}.log`));
      this.#streams.set(name, stream);
    }
    stream.write(`${text}\n`);
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.end();
  }
}
