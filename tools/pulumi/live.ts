import prettyBytes from "pretty-bytes";
import { listed } from "../../lib/preview/words.ts";
import { elapsed } from "../program/progress.ts";
import type { Operation } from "./builds.ts";

/** What an update is expected to build, by resource, with the seconds that it took before. */
export type ExpectedSeconds = ReadonlyMap<string, number | null>;

export type Style = (look: "good" | "bad" | "quiet", text: string) => string;

/** Names of what is still to come that are shown. */
const SHOWN_NAMES = 8;
const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 120;

/** The line that stays when an operation has ended. */
export function endedLine({ name, verb, started, ended, failed, bytes }: Operation, style: Style): string {
  const milliseconds = (ended ?? started) - started;
  const took = elapsed(milliseconds);
  if (failed) {
    const after = milliseconds < 1_000 ? "FAILED" : `FAILED after ${took}`;
    return `${style("bad", "✖")} ${name}  ${style("bad", after)}`;
  }
  const size = bytes === undefined ? "" : `  ${prettyBytes(bytes)}`;
  return `${style("good", "✔")} ${name}  ${verb}, ${took}${size}`;
}

/**
 * What runs, with its time, what is usual, and the last line of its log; below it what is still to come. No line is
 * wider than the terminal.
 */
export function runningLines(
  operations: readonly Operation[],
  awaited: ExpectedSeconds,
  { now, columns, style }: { now: number; columns: number; style: Style },
): string[] {
  const running = operations.filter(({ ended }) => ended === undefined);
  const width = Math.max(0, ...running.map(({ name }) => name.length));
  const frame = frames[Math.floor(now / FRAME_MS) % frames.length] ?? "";
  const lines = running.map(({ name, started, last }) => {
    const usual = awaited.get(name);
    const time = `${elapsed(now - started)}${usual ? ` of about ${elapsed(usual * 1_000)}` : ""}`;
    const start = `${frame} ${name.padEnd(width)}  ${time}`;
    return `${start}${style("quiet", cut(last === "" ? "" : `  ${last}`, columns - start.length - 1))}`;
  });
  const begun = new Set(operations.map(({ name }) => name));
  const waiting = [...awaited.keys()].filter((name) => !begun.has(name));
  const coming = `  to come: ${listed(waiting, SHOWN_NAMES)}`;
  return [...lines, ...(waiting.length > 0 ? [style("quiet", cut(coming, columns - 1))] : [])];
}

function cut(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return columns < 2 ? "" : `${text.slice(0, columns - 1)}…`;
}
