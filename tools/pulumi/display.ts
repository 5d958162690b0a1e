import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import { note } from "../program/progress.ts";
import type { Builds } from "./builds.ts";
import type { Sink } from "./events.ts";
import { type ExpectedSeconds, endedLine, runningLines, type Style } from "./live.ts";

const HEARTBEAT_MS = 30_000;
const REDRAW_MS = 120;

/** What the user sees of an update. */
export interface Display extends Omit<Sink, "log"> {
  /** After each event. */
  refresh(): void;
  close(): void;
}

/** Plain lines, and one every 30 seconds that says what is running. */
export function plainDisplay(heartbeat: () => string | undefined): Display {
  const beat = setInterval(() => {
    const text = heartbeat();
    if (text) note(text);
  }, HEARTBEAT_MS);
  return { line: note, step: note, refresh: () => {}, close: () => clearInterval(beat) };
}

const colours = { good: "green", bad: "red", quiet: "gray" } as const;

/** A list of what runs, redrawn in place; what has ended stays above it. */
export function liveDisplay(builds: Builds, awaited: ExpectedSeconds, stream = process.stderr): Display {
  const style: Style = (look, text) => styleText(colours[look], text, { stream });
  const update = createLogUpdate(stream);
  const printedNames = new Set<string>();
  const draw = () => {
    const columns = stream.columns || 80;
    update(runningLines(builds.operations, awaited, { now: Date.now(), columns, style }).join("\n"));
  };
  /** An image is told once its size is known, or nothing more can come. */
  const printEnded = (last: boolean) => {
    for (const operation of builds.operations) {
      const { name, target, ended, failed, bytes } = operation;
      const open = ended === undefined || (target !== undefined && bytes === undefined && !failed && !last);
      if (open || printedNames.has(name)) continue;
      printedNames.add(name);
      update.persist(endedLine(operation, style));
    }
  };
  const beat = setInterval(draw, REDRAW_MS);
  return {
    line: (text) => update.persist(text),
    // Beginnings and ends are in the list.
    step: () => {},
    refresh: () => printEnded(false),
    close: () => {
      clearInterval(beat);
      printEnded(true);
      update.clear();
      update.done();
    },
  };
}
