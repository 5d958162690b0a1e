import { createWriteStream, mkdirSync, rmSync, type WriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { type Home, projectFolder } from "../../home.ts";
import { expectedBuilds } from "../preview/expected-builds.ts";
import { addToHistory } from "../preview/history-file.ts";
import { tail } from "../program/exec.ts";
import { deferInterrupts } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { stackConfig } from "../stack/checkout-plan.ts";
import { passphraseRemedy } from "../stack/passphrase.ts";
import type { Stack } from "../stack/stack.ts";
import { builderLog } from "./build-log.ts";
import { Builds } from "./builds.ts";
import { type Display, liveDisplay, plainDisplay } from "./display.ts";
import { builtResource, type EngineEvent, parseEvent } from "./engine-events.ts";
import { Reporter, type ResourceFailure } from "./events.ts";
import { lossLine } from "./losses.ts";
import { targeted, targetedNames } from "./urns.ts";

/**
 * Runs `pulumi <args>` on the stack and returns its exit code. Its events become a live list on a terminal and plain
 * lines elsewhere; each resource's log goes to `<home>/logs/build/<name>.log`, and what was built into the history.
 */
export async function runPulumi(home: Home, stack: Stack, args: readonly string[]): Promise<number> {
  const terminal = process.stdout.isTTY && process.stderr.isTTY;
  const awaited = terminal ? targeted(await expectedBuilds(home, stack.name), args) : new Map();
  const child = execa(stack.pulumi, [...args, "--stack", stack.name, "--non-interactive", "--json"], {
    cwd: stack.folder,
    env: stack.environment,
    reject: false,
    buffer: false,
    stdin: "ignore",
  });
  const logs = new BuildLogs(join(home.logs, "build"));
  const builds = new Builds();
  const display: Display = terminal ? liveDisplay(builds, awaited) : plainDisplay(() => reporter.heartbeat());
  const { line: writeLine, step } = display;
  const reporter = new Reporter({ line: writeLine, step, log: (name, text) => logs.write(name, text) });
  let isInterrupted = false;
  stack.office?.begin(targetedNames(args));
  if (stack.ways) stack.ways.onLoss = (loss) => writeLine(lossLine(loss, reporter.stagesOn(loss.names)));
  return await deferInterrupts(
    (signal) => {
      if (!isInterrupted)
        writeLine("\nInterrupted: running builds are cancelled. Once more ends them without waiting.");
      isInterrupted = true;
      // What costs money goes first.
      stack.office?.interrupt();
      // Ctrl-C on a terminal reaches Pulumi by itself; a signal to this process alone does not.
      if (!terminal || signal !== "SIGINT") child.kill("SIGINT");
    },
    async () => {
      try {
        readEvents(child.stdout, writeLine, (event) => {
          builds.handle(event);
          stack.office?.ended(builtResource(event));
          reporter.handle(event);
          display.refresh();
        });
        const said: string[] = [];
        createInterface({ input: child.stderr }).on("line", (line) => {
          said.push(line);
          writeLine(line);
        });
        const result = await child;
        // BuildKit says no more of it than EOF.
        if (result.exitCode !== 0 && !isInterrupted) await stack.ways?.look();
        display.close();
        const remedy = passphraseRemedy(said.join("\n"), stack.name);
        if (remedy) note(`pulumi: ${remedy}`);
        await keepHistory(home, stack.name, builds);
        if (!isInterrupted)
          for (const failure of reporter.failures) await showLog(home, failure, stack.environment);
        return isInterrupted ? 130 : (result.exitCode ?? 1);
      } finally {
        await stack.office?.finish();
        display.close();
        logs.close();
      }
    },
  );
}

/** Tells of each event, and of each line that is none. */
function readEvents(
  input: Readable,
  onLine: (line: string) => void,
  onEvent: (event: EngineEvent) => void,
): void {
  createInterface({ input }).on("line", (line) => {
    const event = parseEvent(line);
    if (event) onEvent(event);
    else if (line.trim()) onLine(line);
  });
}

/** Adds what was built to the history; an update does not fail because of it. */
async function keepHistory(home: Home, stack: string, builds: Builds): Promise<void> {
  try {
    const { selected, generation } = await stackConfig(projectFolder, stack);
    await addToHistory(home, builds.history({ recipe: selected.recipe.name, generation }));
  } catch (error) {
    note(`history: not kept (${error instanceof Error ? error.message : error})`);
  }
}

/** Lines of a failed build that are shown. */
const SHOWN_LINES = 40;

/** Shows the end of what a failed operation wrote. */
async function showLog(
  home: Home,
  { name, target, builder, tail: passedOn }: ResourceFailure,
  environment: Stack["environment"],
): Promise<void> {
  // The docker-build provider drops the lines that come right before the end; the builder has all of them.
  const completeLog = target && builder && (await builderLog(home, builder, target, environment));
  if (!completeLog && passedOn.length === 0) return;
  const file = join(home.logs, "build", `${name}-failed.log`);
  if (completeLog) await writeFile(file, completeLog);
  note(`\nThe end of what ${name} wrote${completeLog ? ` (all of it: ${file})` : ""}:`);
  note(tail(completeLog || passedOn.join("\n"), SHOWN_LINES));
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
