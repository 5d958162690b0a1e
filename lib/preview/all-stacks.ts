import { isShared } from "../recipe/even-layers.ts";
import { redactAll } from "../redact.ts";
import type { VulnerabilityChange } from "../vulnerabilities/change-schema.ts";
import type { History } from "./build-history.ts";
import { sumUp } from "./estimate.ts";
import type { CommitIndex } from "./moves.ts";
import { disagreements, gpuNotes, limitNotes } from "./notes.ts";
import { type EngineAnswer, FORMAT, type Preview, type StackPreview } from "./preview-schema.ts";
import { type NextStack, type PreviousStack, previewStack } from "./preview-stack.ts";

/** A stack that could be planned, or why it could not. */
export type Attempt =
  | {
      readonly stack: string;
      readonly planned: NextStack;
      readonly previous: PreviousStack;
      /** What Pulumi's engine says; null where it was not asked. */
      readonly engine: EngineAnswer | null;
      /** What the change adds to what is known against it; absent where nobody was asked. */
      readonly vulnerabilities?: VulnerabilityChange | undefined;
      readonly problem?: never;
    }
  | { readonly stack: string; readonly problem: string; readonly planned?: never };

export interface PreviewInputs {
  readonly revision: string | null;
  readonly history: History;
  readonly commits: CommitIndex;
  /** Values that must not appear anywhere. */
  readonly secrets: readonly string[];
}

/** The preview of several stacks side by side; what it holds may leave the machine. */
export function previewAll(
  attempts: readonly Attempt[],
  { revision, secrets, ...rest }: PreviewInputs,
): Preview {
  const sharers = sharersByKey(attempts);
  const stacks = attempts.map((attempt): StackPreview => {
    const { stack, planned } = attempt;
    if (planned === undefined) return { stack, verdict: "failed", problem: attempt.problem };
    const preview = previewStack(planned, attempt.previous, {
      ...rest,
      sharedWith: (key) => (sharers.get(placed(planned, key)) ?? []).filter((other) => other !== stack),
      built: builtElsewhere(attempts, planned),
    });
    const { engine, vulnerabilities = null } = attempt;
    const shared = planned.plan.stages.filter(isShared).map(({ name }) => name);
    const limits = limitNotes(preview, attempt.previous, planned.limits, shared);
    return {
      ...preview,
      vulnerabilities,
      engine,
      notes: [
        ...(planned.plan.lacks ?? []),
        ...gpuNotes(planned.test),
        ...limits,
        ...(engine ? disagreements(preview, engine) : []),
      ],
    };
  });
  return redactAll(
    { format: FORMAT, revision, stacks, shared: sharedBuilds(stacks), expected: sumOfAll(stacks) },
    secrets,
  );
}

/** The same key in another repository is another image. */
function placed({ repository }: NextStack, key: string): string {
  return `${repository ?? ""} ${key}`;
}

/** Which stacks will have a stage, by where it lies and its key. */
function sharersByKey(attempts: readonly Attempt[]): Map<string, string[]> {
  const sharers = new Map<string, string[]>();
  for (const { stack, planned } of attempts) {
    for (const { key } of planned ? [...planned.plan.stages, planned.plan.product] : []) {
      const id = planned ? placed(planned, key) : "";
      sharers.set(id, [...(sharers.get(id) ?? []), stack]);
    }
  }
  return sharers;
}

/** The stages that other stacks have in this stack's repository, with their sizes. */
function builtElsewhere(
  attempts: readonly Attempt[],
  { stack, repository }: NextStack,
): Map<string, number | null> {
  return new Map(
    attempts
      .flatMap((attempt) => (attempt.planned && attempt.stack !== stack ? [attempt] : []))
      // What another revision plans need never have been built.
      .filter(
        ({ previous }) => previous.comparedWith.kind === "outputs" && previous.repository === repository,
      )
      .flatMap(({ previous }) => previous.stages.map(({ key, bytes }) => [key, bytes] as const)),
  );
}

/** What several stacks need and nobody has yet. */
function sharedBuilds(stacks: readonly StackPreview[]): Preview["shared"] {
  const builds = stacks.flatMap((stack) =>
    (stack.verdict === "failed" ? [] : stack.stages)
      .filter(({ expected, sharedWith }) => expected && expected.basis !== "built" && sharedWith.length > 0)
      .map(({ name, key, sharedWith }) => ({
        stage: name,
        key: key ?? "",
        stacks: stacks
          .map((other) => other.stack)
          .filter((other) => [stack.stack, ...sharedWith].includes(other)),
      })),
  );
  return [...new Map(builds.map((build) => [JSON.stringify(build), build])).values()];
}

/** Each stack's stages under names of their own, a shared one under its first stack's. */
function sumOfAll(stacks: readonly StackPreview[]): Preview["expected"] {
  const owners = new Map<string, string>();
  const all = stacks.flatMap((stack) => {
    if (stack.verdict === "failed") return [];
    const qualifiedNames = new Map(
      stack.stages.map(({ name, key }) => [name, owners.get(key ?? "") ?? `${stack.stack}/${name}`]),
    );
    return stack.stages.flatMap((stage) => {
      const name = qualifiedNames.get(stage.name) ?? stage.name;
      if (stage.key && owners.has(stage.key)) return [];
      if (stage.key) owners.set(stage.key, name);
      return [
        { ...stage, name, parents: stage.parents.map((parent) => qualifiedNames.get(parent) ?? parent) },
      ];
    });
  });
  return sumUp(all);
}
