import type { Cause } from "../plan/stage-changes.ts";
import { causesOf, type SharedCause } from "./causes.ts";
import { code } from "./escape.ts";
import type { Preview } from "./preview-schema.ts";
import { isHash, short } from "./words.ts";

/** Stages that are named beside their reason. */
const SHOWN_STAGES = 5;
/** How many reasons remain when not even their names fit. */
const REMAINING = [400, 200, 100, 50, 10];

/** A cause with everything that came from elsewhere as code. */
export function causeMarkdown({ kind, name, before, after }: Cause): string {
  const what = `${kind} ${code(name)}`;
  const quiet = isHash(kind) || kind === "stage" || kind === "stack";
  if (before === null) return `${what} is new${quiet ? "" : ` (${code(short(after ?? ""))})`}`;
  if (after === null) return `${what} is gone${quiet ? "" : ` (${code(short(before))})`}`;
  return quiet ? `${what} changed` : `${what}: ${code(short(before))} → ${code(short(after))}`;
}

/** Every reason of all stacks as a list, from all that is known of each to the first few names. */
export function causeForms(preview: Preview): string[] {
  const causes = causesOf(preview);
  if (causes.length === 0) return [""];
  const stacks = preview.stacks.length;
  const heading = "#### What changes";
  const list = (lines: readonly string[]) => [heading, ...lines.map((line) => `- ${line}`)].join("\n");
  const names = causes.map(({ cause }) => `${cause.kind} ${code(cause.name)}`);
  return [
    list(causes.map((shared) => `${causeMarkdown(shared.cause)}${reach(shared, stacks, true)}`)),
    list(causes.map((shared) => `${causeMarkdown(shared.cause)}${reach(shared, stacks, false)}`)),
    list(causes.map(({ cause }) => causeMarkdown(cause))),
    `${heading}\n${names.join(", ")}`,
    ...REMAINING.filter((most) => most < names.length).map(
      (most) => `${heading}\n${names.slice(0, most).join(", ")} and ${names.length - most} more`,
    ),
  ];
}

/** ` (torch, attention; 3 stacks)`: what a reason changes; `named` tells the stages by name. */
function reach({ cause, stages, count }: SharedCause, stacks: number, named: boolean): string {
  const names = [...new Set([...stages.values()].flat())].filter(
    (name) => name !== "" && name !== cause.name,
  );
  const parts: string[] = [];
  if (named && names.length > 0 && names.length <= SHOWN_STAGES) parts.push(names.map(code).join(", "));
  else if (count > stages.size) parts.push(`${names.length} stages`);
  if (stacks > 1 && cause.kind !== "stack")
    parts.push(stages.size === stacks ? "all stacks" : inStacks([...stages.keys()], named));
  return parts.length > 0 ? `: ${parts.join("; ")}` : "";
}

function inStacks(stacks: readonly string[], named: boolean): string {
  if (named && stacks.length <= SHOWN_STAGES) return `in ${stacks.map(code).join(", ")}`;
  return stacks.length === 1 ? "1 stack" : `${stacks.length} stacks`;
}
