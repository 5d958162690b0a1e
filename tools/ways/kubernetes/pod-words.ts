import { CONTAINER } from "../../../lib/builders/kubernetes/builder-manifests.ts";
import {
  type EventState,
  type PodProblem,
  type PodState,
  podProblem,
} from "../../../lib/builders/kubernetes/pod-problem.ts";
import { lastLine } from "../../program/exec.ts";
import { inTime } from "./api-error.ts";
import type { Cluster } from "./cluster.ts";

/** A pod as the API gives it, as far as it is read here. */
export interface Pod extends PodState {
  readonly metadata?: NonNullable<PodState["metadata"]> & {
    readonly name?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: NonNullable<PodState["spec"]> & {
    readonly containers?: readonly { readonly name: string; readonly livenessProbe?: unknown }[];
  };
}

/** Where buildkitd is, as far as names tell. */
export function containerOf({ spec }: Pod): string {
  const names = spec?.containers?.map(({ name }) => name) ?? [];
  return names.includes(CONTAINER) ? CONTAINER : (names[0] ?? CONTAINER);
}

export async function whyNotReady(cluster: Cluster, name: string, pod: Pod): Promise<PodProblem> {
  const claims = await eventsOf(cluster, `store-${name}`, "PersistentVolumeClaim");
  const events = [...claims, ...(await eventsOf(cluster, name, "Pod"))];
  return podProblem(pod, events, await lastWords(cluster, name, pod));
}

/** What happened to an object, the oldest first; nothing where that may not be read. */
export async function eventsOf(
  { core, namespace }: Cluster,
  name: string,
  kind: string,
): Promise<EventState[]> {
  const fieldSelector = `involvedObject.name=${name},involvedObject.kind=${kind}`;
  const list = await inTime(core.listNamespacedEvent({ namespace, fieldSelector })).catch(() => undefined);
  const at = (event: { lastTimestamp?: Date; eventTime?: Date }) =>
    new Date(event.lastTimestamp ?? event.eventTime ?? 0).getTime();
  return (list?.items ?? []).toSorted((a, b) => at(a) - at(b));
}

/** The last line that a container said that has ended. */
async function lastWords({ core, namespace }: Cluster, name: string, pod: Pod): Promise<string | undefined> {
  const status = pod.status?.containerStatuses?.[0];
  const hasEnded = status?.state?.terminated !== undefined;
  if (!hasEnded && status?.lastState?.terminated === undefined) return undefined;
  const container = containerOf(pod);
  const log = core.readNamespacedPodLog({ name, namespace, container, previous: !hasEnded, tailLines: 1 });
  const text = await inTime(log).catch(() => "");
  return lastLine(text).slice(0, 300) || undefined;
}
