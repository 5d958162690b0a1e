/** lib/hosts/container.sh on a machine: one verb a call, sent along as a word, as a host need not have it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { repository } from "../../home.ts";
import { parseRunReport, type RunReport } from "../../lib/evidence/evidence.ts";
import { tail } from "../program/exec.ts";
import { note } from "../program/progress.ts";
import { firstFile } from "./checks.ts";
import { type HostLogin, loginWords } from "./login.ts";
import { type CommandEnd, HostTrouble, type Machine, type RunOptions } from "./machine.ts";

/** Milliseconds for what takes no time on a machine that works. */
export const SHORT_MS = 120_000;

/** Exit statuses of container.sh. */
const TROUBLE = 69;
const FAULT = 65;

/** How a machine tests. */
export interface ContainerEngine {
  /** `docker`, or `sudo -n podman`. */
  readonly command: string;
  readonly gpu: boolean;
  readonly keepImage: boolean;
  readonly login: HostLogin;
  /** Whether the machine goes away with the test: nothing is removed there then. */
  readonly goesAway?: boolean;
  /** Called once the machine has the image: nobody needs the login any more. */
  readonly onPulled?: () => Promise<void>;
}

/** A verb of the script with its words. */
export type Call = (words: readonly string[], options?: RunOptions) => Promise<CommandEnd>;

/** A verb of the script as a program for a machine, which needs no file for it. */
function scriptWords(command: string, words: readonly string[]): string[] {
  const files = ["engine.sh", "container.sh"];
  const script = files.map((name) => readFileSync(join(repository, "lib/hosts", name), "utf8")).join("");
  return ["sh", "-c", script, "container.sh", command, ...words];
}

/** Runs a verb of container.sh; its exit status says whose fault a failure is. */
export async function callScript(
  machine: Machine,
  { command }: Pick<ContainerEngine, "command">,
  words: readonly string[],
  options: RunOptions,
): Promise<CommandEnd> {
  const ended = await machine.run(scriptWords(command, words), options);
  if (ended.status === 0) return ended;
  const reason = tail(ended.stderr, 3).trim() || `${words[0]} ended with status ${ended.status}`;
  if (ended.status === FAULT) throw new UserError(words[1] ?? "", `cannot be had: ${reason}.`, "");
  throw new HostTrouble(
    ended.status === TROUBLE || ended.status === 1
      ? reason
      : `${words[0]} ended with status ${ended.status}: ${reason}`,
  );
}

/** Has the machine pull an image, with the login that it takes. */
export async function pull(
  call: Call,
  login: HostLogin,
  reference: string,
  leftMs: number,
): Promise<{ wasThere: boolean; seconds: number }> {
  const started = Date.now();
  const words = ["pull", reference, String(Math.max(1, Math.floor(leftMs / 1000))), ...loginWords(login)];
  const { stdout } = await call(words, {
    limitMs: leftMs + 5_000,
    ...(login.kind === "password" ? { stdin: Buffer.from(login.password) } : {}),
  });
  const wasThere = stdout.toString().trim() === "present";
  return { wasThere, seconds: wasThere ? 0 : (Date.now() - started) / 1000 };
}

/** What the checks found; undefined where they left nothing. */
export async function readReport(
  machine: Machine,
  engine: ContainerEngine,
  name: string,
  signal: AbortSignal,
): Promise<RunReport | undefined> {
  const { status, stdout } = await machine.run(scriptWords(engine.command, ["report", name]), {
    limitMs: SHORT_MS,
    signal,
  });
  const text = status === 0 ? await firstFile(stdout) : undefined;
  return text === undefined ? undefined : parseRunReport(text, "smoke test");
}

/** Removes what the test made. A machine that was lost is asked once more, by a new connection. */
export async function clean(
  machine: Machine,
  engine: ContainerEngine,
  name: string,
  images: readonly string[],
): Promise<void> {
  const words = ["clean", name, ...images];
  try {
    await callScript(machine, engine, words, { limitMs: SHORT_MS });
  } catch {
    try {
      const again = await machine.reopen?.();
      if (!again) throw new HostTrouble("there is no way back to it");
      try {
        await callScript(again, engine, words, { limitMs: SHORT_MS });
      } finally {
        await again.close();
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      note(
        `${machine.name}: containers named ${name} may be left (${reason}); the next test there removes them`,
      );
    }
  }
}
