import { UserError } from "../../errors.ts";

/** How a command is called; the environment is added to this process's own. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until the command is killed; none by default. */
  readonly timeout?: number;
  /** Ends the command: politely, and for good where it does not end within seconds. */
  readonly signal?: AbortSignal;
  /** Called with each line of stdout and stderr as it comes. */
  readonly onLine?: (line: string) => void;
  /** Written to its stdin: what may not be among its arguments. Nothing by default. */
  readonly input?: string;
  /** What to tell the user to do when it fails. */
  readonly remedy?: string;
}

/** How a command ended, when failing is one of the answers. */
export interface CommandResult {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout and stderr as they came. */
  readonly all: string;
}

/** Runs a command without a shell, and answers however it ended, also when there is no such program. */
export async function attempt(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  // A hundred modules, which a run that starts no program can do without.
  const { execa } = await import("execa");
  const child = execa(command, [...args], {
    ...(options.input === undefined ? { stdin: "ignore" } : { input: options.input }),
    all: true,
    reject: false,
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.env ? { env: { ...options.env } } : {}),
    ...(options.timeout ? { timeout: options.timeout } : {}),
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  });
  const { onLine } = options;
  if (onLine) {
    let rest = "";
    child.all?.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    });
  }
  const result = await child;
  const problem = result.failed && !result.all ? (result.shortMessage ?? "") : "";
  return {
    ok: !result.failed,
    stdout: result.stdout,
    stderr: result.stderr,
    all: result.all || problem,
  };
}

/** Runs a command and returns its stdout; a failure is a UserError with the last lines of its output. */
export async function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await attempt(command, args, options);
  if (result.ok) return result.stdout;
  const shown = [command.split("/").at(-1), ...args].join(" ");
  throw new UserError(
    shown.length > 120 ? `${shown.slice(0, 117)}...` : shown,
    `failed:\n${tail(result.all, 20)}\n`,
    options.remedy ?? "",
  );
}

/** What a program said last; empty where it said nothing. */
export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** The last `count` lines that are not empty, indented. */
export function tail(text: string, count: number): string {
  return text
    .split("\n")
    .filter((line) => line.trim())
    .slice(-count)
    .map((line) => `  ${line}`)
    .join("\n");
}
