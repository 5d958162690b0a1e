/** Progress of an audit on stderr: a spinner on a terminal, plain lines elsewhere. */
import ora from "ora";
import prettyBytes from "pretty-bytes";
import prettyMs from "pretty-ms";
import type { AuditProgress } from "./read-image.ts";

/** Without a terminal a line at least this often, so that nobody takes a long download for a standstill. */
const PLAIN_INTERVAL_MS = 10_000;
const SPINNER_INTERVAL_MS = 100;

/** Call `done` in every case: it gives the terminal back. */
export function createProgress(reference: string): AuditProgress & { done(): void } {
  const started = Date.now();
  // A terminal that says it has no columns (some CI systems, `script`) makes ora clear lines without end.
  const isTerminal = process.stderr.isTTY && process.stderr.columns > 0;
  const spinner = isTerminal
    ? ora({ text: `reading ${reference}`, stream: process.stderr }).start()
    : undefined;
  const say = (line: string) => {
    spinner?.clear();
    process.stderr.write(`${line}\n`);
  };
  let read = 0;
  let total = 0;
  let layers = 0;
  let lastShown = started;
  const state = () =>
    `${prettyBytes(read)} of ${prettyBytes(total)} read (${prettyMs(Date.now() - started)})`;
  return {
    image(image) {
      total = image.bytes;
      layers = image.layers.length;
      say(`${reference}: ${layers} ${layers === 1 ? "layer" : "layers"}, ${prettyBytes(total)}`);
    },
    bytes(count) {
      read += count;
      // Chunks come by the thousand, and the spinner measures its text each time.
      if (Date.now() - lastShown < (spinner ? SPINNER_INTERVAL_MS : PLAIN_INTERVAL_MS)) return;
      lastShown = Date.now();
      if (spinner) spinner.text = state();
      else say(state());
    },
    layer(number, layer, outcome) {
      if (outcome === "kept") read += layer.size;
      say(
        `layer ${number} of ${layers}: ${prettyBytes(layer.size)} ${outcome === "kept" ? "known already" : "read"}`,
      );
    },
    done() {
      spinner?.stop();
    },
  };
}
