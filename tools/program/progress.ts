import prettyMs from "pretty-ms";
import { commandWords } from "./package-words.ts";

/** Tells what a step is doing at the moment. */
export type ReportProgress = (detail: string) => void;

const QUIET_MS = 2_000;
const HEARTBEAT_MS = 30_000;

/** A time as people read it: `850ms` never, `12s`, `3m 4s`. */
export function elapsed(milliseconds: number): string {
  return milliseconds < 1_000 ? "under 1s" : prettyMs(milliseconds, { secondsDecimalDigits: 0 });
}

/** One line for the user. All of it goes to stderr, so that stdout stays for results. */
export function note(text: string): void {
  process.stderr.write(`${commandWords(text)}\n`);
}

/**
 * Does `work` and shows that it goes on. On a terminal: a spinner. Elsewhere: a line when it takes over two seconds,
 * one every 30 seconds, and one when it is done. A step that is over at once leaves no line.
 */
export async function withProgress<T>(title: string, work: (say: ReportProgress) => Promise<T>): Promise<T> {
  const started = Date.now();
  const since = () => Date.now() - started;
  if (process.stderr.isTTY) return await spin(title, since, work);

  let detail = "";
  const first = setTimeout(() => note(`${title} ...`), QUIET_MS);
  const beat = setInterval(
    () => note(`${title}: ${elapsed(since())} so far${detail && `, ${detail}`}`),
    HEARTBEAT_MS,
  );
  try {
    const result = await work((text) => {
      detail = text;
    });
    if (since() >= QUIET_MS) note(`${title}: done (${elapsed(since())})`);
    return result;
  } finally {
    clearTimeout(first);
    clearInterval(beat);
  }
}

async function spin<T>(
  title: string,
  since: () => number,
  work: (say: ReportProgress) => Promise<T>,
): Promise<T> {
  // Measuring the width of any text takes a table that takes 50 ms to make.
  const { default: ora } = await import("ora");
  const spinner = ora({ text: title, discardStdin: false });
  const first = setTimeout(() => spinner.start(), 150);
  let detail = "";
  const show = () => {
    spinner.text = `${title} ${elapsed(since())}${detail && `, ${detail}`}`;
  };
  const beat = setInterval(show, 1_000);
  try {
    const result = await work((text) => {
      detail = text;
      show();
    });
    if (since() >= QUIET_MS) spinner.succeed(`${title} (${elapsed(since())})`);
    else spinner.stop();
    return result;
  } catch (error) {
    spinner.fail(title);
    throw error;
  } finally {
    clearTimeout(first);
    clearInterval(beat);
  }
}
