import type { StageInputs } from "./key.ts";

/** What is known about a stage, from a plan or from a stack's state. */
export interface KeyedStage {
  readonly name: string;
  readonly key: string;
  /** Empty where nobody knows what the key was made of. */
  readonly inputs: StageInputs;
}

/** Whether it is known what a stage's key was made of: every stage has a Dockerfile at least. */
export function isExplained({ inputs }: Pick<KeyedStage, "inputs">): boolean {
  return Object.keys(inputs).length > 0;
}

/** The product among stages of which the role is known. */
export function productOf<T extends { readonly role: string | null }>(stages: readonly T[]): T | undefined {
  return stages.find(({ role }) => role === "product");
}

/** One input that differs: `file`, `argument`, `package`, `build package`, `pin`, `export` or `parent`, and its name. */
export interface Cause {
  readonly kind: string;
  readonly name: string;
  /** null: the input is new. */
  readonly before: string | null;
  /** null: the input is gone. */
  readonly after: string | null;
}

export interface StageChange {
  readonly stage: string;
  readonly verdict: "create" | "rebuild" | "unchanged" | "remove";
  readonly causes: readonly Cause[];
}

/** The cause of a rebuild of which nobody knows the cause. */
const unexplained: Cause = { kind: "record", name: "of its inputs", before: "", after: null };

/** What the next update does with each stage, and why: in the order of `after`, removed stages last. */
export function stageChanges(before: readonly KeyedStage[], after: readonly KeyedStage[]): StageChange[] {
  const formerStages = new Map(before.map((stage) => [stage.name, stage]));
  const changes = after.map((stage): StageChange => {
    const last = formerStages.get(stage.name);
    if (!last) return { stage: stage.name, verdict: "create", causes: [] };
    if (last.key === stage.key) return { stage: stage.name, verdict: "unchanged", causes: [] };
    const causes = isExplained(last) ? inputChanges(last.inputs, stage.inputs) : [unexplained];
    return { stage: stage.name, verdict: "rebuild", causes };
  });
  const kept = new Set(after.map(({ name }) => name));
  const removed = before.filter(({ name }) => !kept.has(name));
  return [
    ...changes,
    ...removed.map(({ name }): StageChange => ({ stage: name, verdict: "remove", causes: [] })),
  ];
}

function inputChanges(before: StageInputs, after: StageInputs): Cause[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((input) => before[input] !== after[input])
    .sort()
    .map((input) => {
      const colon = input.indexOf(":");
      return {
        kind: input.slice(0, colon),
        name: input.slice(colon + 1),
        before: before[input] ?? null,
        after: after[input] ?? null,
      };
    });
}
