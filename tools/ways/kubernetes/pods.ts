import { setTimeout as sleep } from "node:timers/promises";
import { CONTAINER, ownLabels } from "../../../lib/builders/kubernetes/builder-manifests.ts";
import {
  KUBERNETES_NAME,
  type KubernetesSetting,
} from "../../../lib/builders/kubernetes/kubernetes-setting.ts";
import {
  isReady,
  isStill,
  type PodProblem,
  workloadProblem,
} from "../../../lib/builders/kubernetes/pod-problem.ts";
import { type Selector, selectorText } from "../../../lib/builders/kubernetes/selector.ts";
import { ifThere, inTime } from "./api-error.ts";
import type { Cluster } from "./cluster.ts";
import type { PodPlace } from "./pod-stream.ts";
import { containerOf, eventsOf, type Pod, whyNotReady } from "./pod-words.ts";

/** A pod of a builder, or the place of one that is not there. */
export interface BuilderPod {
  /** Its name, or the name that it will have. */
  readonly name: string;
  readonly container: string;
  /** Another one under the same name has another. */
  readonly uid: string | undefined;
  /** How often its containers have been started again. */
  readonly restarts: number;
  /** Whether its cluster leaves it as it is, although buildkitd may hang. */
  readonly isStill: boolean;
  /** Undefined where it can be built on. */
  readonly problem: PodProblem | undefined;
}

/** What makes pods, as far as it is read here. */
interface Workload {
  readonly metadata?: { readonly name?: string; readonly generation?: number };
  readonly spec?: { readonly selector: Selector };
  readonly status?: { readonly observedGeneration?: number; readonly updateRevision?: string };
}

/** The pods of a builder, one for each share of its stages, in their order. */
export async function builderPods(cluster: Cluster, setting: KubernetesSetting): Promise<BuilderPod[]> {
  const workload = await readWorkload(cluster, setting);
  if (workload === undefined) return [];
  const labelSelector = selectorText(
    setting.workload === undefined
      ? { matchLabels: ownLabels(setting.name ?? KUBERNETES_NAME) }
      : workload.spec?.selector,
  );
  const { namespace } = cluster;
  const { items } = await inTime(cluster.core.listNamespacedPod({ namespace, labelSelector }));
  return setting.workload === undefined
    ? await ownPods(cluster, setting, workload, items)
    : await foreignPods(cluster, setting, items);
}

export async function readWorkload(
  { apps, namespace }: Cluster,
  { workload, name: own = KUBERNETES_NAME }: KubernetesSetting,
): Promise<Workload | undefined> {
  const [kind, name = own] = workload?.split("/") ?? ["statefulset"];
  return kind === "deployment"
    ? await ifThere(apps.readNamespacedDeployment({ name, namespace }))
    : await ifThere(apps.readNamespacedStatefulSet({ name, namespace }));
}

/** Those of the StatefulSet that strata makes: their names are known before they are there. */
async function ownPods(
  cluster: Cluster,
  { name: own = KUBERNETES_NAME, replicas }: KubernetesSetting,
  { metadata, status }: Workload,
  pods: readonly Pod[],
): Promise<BuilderPod[]> {
  const isCurrent = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const found = Array.from({ length: replicas }, async (_, index) => {
    const name = `${own}-${index}`;
    const pod = pods.find((each) => each.metadata?.name === name);
    const revision = pod?.metadata?.labels?.["controller-revision-hash"];
    // One of the former settings is about to be ended.
    const isFormer =
      !isCurrent || (status?.updateRevision !== undefined && revision !== status.updateRevision);
    const problem = await problemOfPod(cluster, own, name, pod, isFormer);
    return { name, container: CONTAINER, ...stateOf(pod, CONTAINER), problem };
  });
  return await Promise.all(found);
}

async function problemOfPod(
  cluster: Cluster,
  workload: string,
  name: string,
  pod: Pod | undefined,
  isFormer: boolean,
) {
  if (pod === undefined) {
    const events = await eventsOf(cluster, workload, "StatefulSet");
    return workloadProblem(events) ?? { problem: "is not there yet", remedy: "", isFinal: false };
  }
  if (!isReady(pod)) return await whyNotReady(cluster, name, pod);
  if (isFormer)
    return { problem: "is of the former settings, and will be replaced", remedy: "", isFinal: false };
  return undefined;
}

/** Those of somebody's workload: the ready ones first, by their names. */
async function foreignPods(
  cluster: Cluster,
  { container, replicas, workload = "" }: KubernetesSetting,
  pods: readonly Pod[],
): Promise<BuilderPod[]> {
  const nameOf = (pod: Pod) => pod.metadata?.name ?? "";
  const sorted = pods.toSorted(
    (a, b) => Number(isReady(b)) - Number(isReady(a)) || nameOf(a).localeCompare(nameOf(b)),
  );
  if (sorted.length === 0) {
    const problem = { problem: "has no pod", remedy: "See whether it is scaled to 0.", isFinal: false };
    return [{ name: workload, container: container ?? CONTAINER, ...stateOf(undefined, ""), problem }];
  }
  const found = sorted.slice(0, replicas).map(async (pod) => {
    const taken = container ?? containerOf(pod);
    const why = isReady(pod) ? undefined : await whyNotReady(cluster, nameOf(pod), pod);
    return {
      name: nameOf(pod),
      container: taken,
      ...stateOf(pod, taken),
      problem: hasNone(pod, taken) ?? why,
    };
  });
  return await Promise.all(found);
}

function hasNone({ spec }: Pod, container: string): PodProblem | undefined {
  const names = spec?.containers?.map(({ name }) => name) ?? [];
  if (names.includes(container)) return undefined;
  const remedy = `Set container to one of ${names.join(", ")}.`;
  return { problem: `has no container ${container}`, remedy, isFinal: true };
}

function stateOf(pod: Pod | undefined, container: string) {
  const statuses = pod?.status?.containerStatuses ?? [];
  const spec = pod?.spec?.containers?.find(({ name }) => name === container);
  return {
    uid: pod?.metadata?.uid,
    restarts: statuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
    isStill: pod !== undefined && isStill(pod) && !spec?.livenessProbe,
  };
}

/** Milliseconds between two looks. */
const EVERY_MS = 1_000;
/** Milliseconds that the others get where one is ready: it does their work. */
const GRACE_MS = 30_000;

/** Waits until all pods of a builder are ready, or as many as there will be. @param say is told what is waited for */
export async function awaitPods(
  cluster: Cluster,
  setting: KubernetesSetting,
  say: (detail: string) => void,
): Promise<BuilderPod[]> {
  const started = performance.now();
  for (;;) {
    const pods = await builderPods(cluster, setting);
    const missing = pods.flatMap(({ name, problem }) => (problem ? [{ name, ...problem }] : []));
    if (missing.length === 0 && pods.length > 0) return pods;
    const waited = performance.now() - started;
    const limit =
      missing.length < pods.length ? Math.min(GRACE_MS, setting.wait * 1_000) : setting.wait * 1_000;
    if (waited >= limit || (missing.length > 0 && missing.every(({ isFinal }) => isFinal))) return pods;
    say(missing.map(({ name, problem }) => `${name} ${problem}`).join("; "));
    await sleep(EVERY_MS);
  }
}

export function placeOf({ name, container }: BuilderPod): PodPlace {
  return { pod: name, container };
}
