import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { type Home, projectFolder, repository } from "../../home.ts";
import { nodeLockPath, parseNodeLock } from "../../lib/locks/node-lock.ts";
import { type Attempt, previewAll } from "../../lib/preview/all-stacks.ts";
import { indexCommits } from "../../lib/preview/moves.ts";
import type { Preview } from "../../lib/preview/preview-schema.ts";
import type { PreviousStack } from "../../lib/preview/preview-stack.ts";
import { noPreviousStack, previousFromPlan } from "../../lib/preview/previous-stack.ts";
import { secretValues } from "../../lib/redact.ts";
import { usesFileBackend } from "../program/environment.ts";
import { withProgress } from "../program/progress.ts";
import { type CheckoutPlan, planStackIn } from "../stack/checkout-plan.ts";
import { readOwnState, readState } from "../stack/outputs.ts";
import { ownProject } from "../stack/stack.ts";
import { refuseSharedTags } from "../stack/tag-owners.ts";
import { askForGpus } from "./ask-for-gpus.ts";
import { askEngines, type EngineResult, findPulumi } from "./engine.ts";
import { readHistory } from "./history-file.ts";
import { previousOfClone, stackNamed } from "./read-previous.ts";
import { defaultBase, mergeBase, withRevision } from "./revision.ts";
import { vulnerabilityChanges } from "./vulnerability-changes.ts";

/** What is asked of a preview. */
export interface PreviewRequest {
  readonly stacks: readonly string[];
  /** Nothing but this clone: no CLI, no backend, no network. */
  readonly offline: boolean;
  /** Compares with the plan of the common ancestor with this revision, instead of what the last update left. */
  readonly base?: string | undefined;
  /** Asks what the change adds to what is known against the products, and removes. @default not */
  readonly vulnerabilities?: boolean;
}

/** Brings together what the preview of several stacks is made of. One stack that fails does not stop the others. */
export async function collectPreview(home: Home, wish: PreviewRequest): Promise<Preview> {
  const project = await ownProject();
  const plans = await eachStack(wish.stacks, async (stack) => {
    const plan = await planStackIn(projectFolder, stack, home);
    await refuseSharedTags(projectFolder, stack);
    return plan;
  });
  const base = wish.base ?? (wish.offline && !usesFileBackend() ? await defaultBase() : undefined);
  const before = base ? await plansOf(base, wish.stacks, home) : undefined;
  const engineResults = wish.offline || base ? undefined : await askEngines(home, project, wish.stacks);
  const previousOf = async (stack: string): Promise<PreviousStack> => {
    if (before) return before.previous.get(stack) ?? noPreviousStack("the base has no such stack");
    if (usesFileBackend()) return previousOfClone(home, await readOwnState(home, { project, name: stack }));
    if (wish.offline) return noPreviousStack("there is no revision to compare with");
    return previousOfClone(
      home,
      await readState(home, stackNamed(home, project, stack, await findPulumi(home))),
    );
  };
  const previous = await eachStack(wish.stacks, previousOf);
  const known = wish.offline || base ? plans : await askForGpus(home, project, plans);
  const planned = wish.stacks.map((stack) =>
    attempted(stack, known.get(stack), previous.get(stack), engineResults?.get(stack)),
  );
  const attempts = wish.vulnerabilities ? await withVulnerabilities(home, planned) : planned;
  const [first] = [...plans.values()].flatMap((plan) => (plan instanceof Error ? [] : [plan]));
  return previewAll(attempts, {
    revision: first?.revision ?? null,
    history: await readHistory(home),
    commits: indexCommits([nodeLockIn(repository), ...(before?.locks ?? [])].flat()),
    secrets: secretValues(process.env),
  });
}

async function withVulnerabilities(home: Home, attempts: readonly Attempt[]): Promise<Attempt[]> {
  const comparable = attempts.flatMap((each) => (each.planned === undefined ? [] : [each]));
  const changes = await withProgress("Asking what is known against the stacks", () =>
    vulnerabilityChanges(home, comparable),
  );
  return attempts.map((each) =>
    each.planned === undefined ? each : { ...each, vulnerabilities: changes.get(each.stack) },
  );
}

/** One result or error a stack, in the order of the stacks. */
async function eachStack<T>(
  stacks: readonly string[],
  work: (stack: string) => Promise<T>,
): Promise<Map<string, T | Error>> {
  const entries = stacks.map(async (stack): Promise<[string, T | Error]> => {
    try {
      return [stack, await work(stack)];
    } catch (error) {
      return [stack, error instanceof Error ? error : new Error(String(error))];
    }
  });
  return new Map(await Promise.all(entries));
}

function attempted(
  stack: string,
  plan: CheckoutPlan | Error | undefined,
  previous: PreviousStack | Error | undefined,
  answer: EngineResult | undefined,
): Attempt {
  if (plan === undefined || plan instanceof Error) return { stack, problem: reason(plan) };
  if (previous === undefined || previous instanceof Error) return { stack, problem: reason(previous) };
  if (answer?.problem !== undefined) return { stack, problem: `Pulumi's preview failed:\n${answer.problem}` };
  return { stack, planned: plan.planned, previous, engine: answer?.answer ?? null };
}

/** What the user can mend is told as it is; anything else is a bug, and its first line has to do in public. */
function reason(error: Error | undefined): string {
  if (error instanceof UserError) return error.message;
  return `this is a bug: ${error?.message.split("\n")[0] ?? "no result"}`;
}

/** The stacks as the revision plans them, where the change began. */
async function plansOf(revision: string, stacks: readonly string[], home: Home) {
  const commit = await mergeBase(revision);
  return await withRevision(commit, async (root) => {
    const planned = await eachStack(stacks, async (stack): Promise<PreviousStack> => {
      if (!existsSync(join(root, `Pulumi.${stack}.yaml`)))
        return noPreviousStack("the stack is new in this change");
      return previousFromPlan((await planStackIn(root, stack, home)).planned, commit);
    });
    const previous = [...planned].map(
      ([stack, result]) =>
        [
          stack,
          result instanceof Error
            ? noPreviousStack(`revision ${commit.slice(0, 10)} cannot be planned: ${reason(result)}`)
            : result,
        ] as const,
    );
    return { previous: new Map(previous), locks: nodeLockIn(root) };
  });
}

/** Only for the names behind commits: a lock that cannot be read fails the plans that need it. */
function nodeLockIn(root: string) {
  try {
    return [parseNodeLock(readFileSync(join(root, nodeLockPath), "utf8"))];
  } catch {
    return [];
  }
}
