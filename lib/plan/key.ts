import { createHash } from "node:crypto";
import type { ContextFile } from "./context-files.ts";

/**
 * Everything that decides what a stage's image holds, as `kind:name` to value, where kind is one of
 * `file`, `argument`, `package`, `pin`, `export` and `parent`. Its difference between two runs names the cause of a
 * rebuild.
 */
export type StageInputs = Readonly<Record<string, string>>;

/** Changes when the way stages are built changes although none of their inputs does. */
const format = "strata-1";

/** 20 hex digits: enough for a tag, and 80 bits are enough against accidents. */
export function stageKey(name: string, inputs: StageInputs): string {
  const sorted = Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify([format, name, sorted])).slice(0, 20);
}

/** A file as an input: its hash, and whether it can be executed. */
export function fileInput(file: ContextFile): [name: string, value: string] {
  return [`file:${file.source}`, `${sha256(file.content).slice(0, 20)}${file.executable ? " +x" : ""}`];
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
