import type { Cause } from "../plan/stage-changes.ts";
import type { Preview } from "./preview-schema.ts";
import { isConsequence, isHash } from "./words.ts";

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
  const found = preview.stacks.flatMap((stack) => {
    if (stack.verdict === "failed") return [];
    if (stack.verdict === "new") {
      const cause: Cause = { kind: "stack", name: stack.stack, before: null, after: stack.platform.recipe };
      return [{ cause, stage: "", stack: stack.stack }];
    }
    const ofStages = stack.stages.flatMap((stage): (readonly [Cause, string])[] => {
      if (stage.verdict === "create") return [[whole(stage.name, null, "new"), stage.name]];
      if (stage.verdict === "remove") return [[whole(stage.name, "old", null), stage.name]];
      return stage.causes.filter((cause) => !isConsequence(cause)).map((cause) => [cause, stage.name]);
    });
    const ofSettings = stack.settings.map((cause) => [cause, ""] as const);
    return [...ofStages, ...ofSettings].map(([cause, stage]) => ({ cause, stage, stack: stack.stack }));
  });
  return [...Map.groupBy(found, ({ cause }) => identity(cause)).values()]
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

function whole(name: string, before: string | null, after: string | null): Cause {
  return { kind: "stage", name, before, after };
}

function compare(a: Cause, b: Cause): number {
  const [one, other] = [`${a.kind} ${a.name}`, `${b.kind} ${b.name}`];
  return one < other ? -1 : one > other ? 1 : 0;
}
