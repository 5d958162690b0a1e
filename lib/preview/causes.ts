import type { Cause } from "../plan/stage-changes.ts";
import { code } from "./escape.ts";
import type { Preview } from "./preview-schema.ts";
import { isConsequence, isHash, short } from "./words.ts";

/** Kinds that stand in our sentences as words; any other may be a stranger's text. */
const KINDS: ReadonlySet<string> = new Set([
  ...["file", "argument", "package", "build package", "pin", "export", "model", "parent", "record"],
  ...["registry", "tag", "checks", "stage", "stack"],
]);

/** Stages that are named beside their reason. */
const SHOWN_STAGES = 5;
/** How many reasons remain when not even their names fit. */
const REMAINING = [400, 200, 100, 50, 10];

/** A reason, once, with everything that it changes. */
export interface SharedCause {
  readonly cause: Cause;
  /** The stages that have it, by stack. */
  readonly stages: ReadonlyMap<string, readonly string[]>;
  readonly count: number;
}

/**
 * Every reason of all stacks, each once: those that change most first. Parents are left out, since what a stage gets
 * from its parents has its reason there; a stage that is new or gone is a reason by itself.
 */
export function causesOf(preview: Preview): SharedCause[] {
  const occurrences = preview.stacks.flatMap((stack) => {
    if (stack.verdict === "failed") return [];
    if (stack.verdict === "new") {
      const cause: Cause = { kind: "stack", name: stack.stack, before: null, after: stack.platform.recipe };
      return [{ cause, stage: "", stack: stack.stack }];
    }
    const ofStages = stack.stages.flatMap((stage): (readonly [Cause, string])[] => {
      if (stage.verdict === "create") return [[stageCause(stage.name, null, "new"), stage.name]];
      if (stage.verdict === "remove") return [[stageCause(stage.name, "old", null), stage.name]];
      return stage.causes.filter((cause) => !isConsequence(cause)).map((cause) => [cause, stage.name]);
    });
    const ofSettings = stack.settings.map((cause) => [cause, ""] as const);
    return [...ofStages, ...ofSettings].map(([cause, stage]) => ({ cause, stage, stack: stack.stack }));
  });
  return [...Map.groupBy(occurrences, ({ cause }) => identity(cause)).values()]
    .flatMap((group) => {
      const [first] = group;
      if (!first) return [];
      const stacks = Map.groupBy(group, ({ stack }) => stack);
      const stages = new Map(
        [...stacks].map(([stack, entries]) => [stack, entries.map(({ stage }) => stage)]),
      );
      return [{ cause: first.cause, stages, count: group.length }];
    })
    .sort((a, b) => b.count - a.count || compare(a.cause, b.cause));
}

/** Hashes differ from stack to stack where the reason is the same. */
function identity({ kind, name, before, after }: Cause): string {
  const values = isHash(kind) ? [before === null, after === null] : [before, after];
  return JSON.stringify([kind, name, ...values]);
}

function stageCause(name: string, before: string | null, after: string | null): Cause {
  return { kind: "stage", name, before, after };
}

function compare(a: Cause, b: Cause): number {
  const [one, other] = [`${a.kind} ${a.name}`, `${b.kind} ${b.name}`];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** A cause with everything that came from elsewhere as code. */
export function causeMarkdown({ kind, name, before, after }: Cause): string {
  const what = named({ kind, name });
  const quiet = isHash(kind) || kind === "stage" || kind === "stack";
  if (before === null) return `${what} is new${quiet ? "" : ` (${code(short(after ?? ""))})`}`;
  if (after === null) return `${what} is gone${quiet ? "" : ` (${code(short(before))})`}`;
  return quiet ? `${what} changed` : `${what}: ${code(short(before))} → ${code(short(after))}`;
}

function named({ kind, name }: Pick<Cause, "kind" | "name">): string {
  return `${KINDS.has(kind) ? kind : code(kind)} ${code(name)}`;
}

/** Every reason of all stacks as a list, from all that is known of each to the first few names. */
export function causeForms(preview: Preview): string[] {
  const causes = causesOf(preview);
  if (causes.length === 0) return [""];
  const stacks = preview.stacks.length;
  const heading = "#### What changes";
  const list = (lines: readonly string[]) => [heading, ...lines.map((line) => `- ${line}`)].join("\n");
  const names = causes.map(({ cause }) => named(cause));
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
