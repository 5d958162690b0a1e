import { matchesGlob } from "node:path";
import { REPOSITORY, type Rights } from "./state.ts";

interface Job {
  readonly permissions?: Rights;
  readonly environment?: string;
}

export interface Workflow {
  readonly name: string;
  readonly on: Readonly<Record<string, Trigger | null>>;
  readonly permissions?: Rights;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Trigger {
  readonly branches?: readonly string[];
  readonly workflows?: readonly string[];
  readonly types?: readonly string[];
}

/** What happens, and which commit's workflows it starts. */
export interface Occurrence {
  readonly event: string;
  readonly ref: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** From a repository that is not ours. */
  readonly isForeign?: boolean;
}

/** What GitHub tells the workflows that wait for another one, as its page on the event workflow_run has it. */
export function afterRun(run: Readonly<Record<string, unknown>> & { readonly id: number }): Occurrence {
  const html_url = `https://github.com/${REPOSITORY}/actions/runs/${run.id}`;
  const payload = { action: "completed", workflow_run: { ...run, html_url } };
  return { event: "workflow_run", ref: "refs/heads/main", payload };
}

/** A fork's run: whatever it asks for, it may read. */
export function readOnly(rights: Rights): Rights {
  const read = Object.entries(rights).filter(([right]) => right !== "id-token");
  return Object.fromEntries(read.map(([right]) => [right, "read"]));
}

/** Whether an event starts a workflow. */
export function isStarted({ on }: Workflow, file: string, { event, payload, ref }: Occurrence): boolean {
  if (!(event in on)) return false;
  if (event === "schedule") return payload.schedule === file;
  const { branches, workflows, types } = on[event] ?? {};
  if (event === "push")
    return !branches || branches.some((branch) => matchesGlob(ref, `refs/heads/${branch}`));
  if (event !== "workflow_run") return true;
  const { name } = payload.workflow_run as { name: string };
  return (workflows ?? []).includes(name) && (types ?? ["completed"]).includes(payload.action as string);
}
