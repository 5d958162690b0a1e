/** What of the API's objects is read here: as v1 of Kubernetes has them. */
export interface PodState {
  readonly metadata?: { readonly deletionTimestamp?: unknown };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly ContainerState[];
  };
}

interface ContainerState {
  readonly restartCount?: number;
  readonly state?: {
    readonly running?: object;
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: Ended;
  };
  readonly lastState?: { readonly terminated?: Ended };
}

interface Ended {
  readonly exitCode: number;
  readonly reason?: string;
  readonly message?: string;
}

export interface EventState {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Why there is no pod to build on. */
export interface PodProblem {
  /** Words after the pod's name. */
  readonly problem: string;
  readonly remedy: string;
  /** Whether waiting does not help. */
  readonly isFinal: boolean;
}

const waits = (problem: string, remedy: string): PodProblem => ({ problem, remedy, isFinal: false });
const ends = (problem: string, remedy: string): PodProblem => ({ problem, remedy, isFinal: true });

/** Whether it runs, and nothing is about to become of it: where its buildkitd does not answer, it hangs. */
export function isStill({ metadata, status }: PodState): boolean {
  const { containerStatuses = [] } = status ?? {};
  const runs = containerStatuses.length > 0 && containerStatuses.every(({ state }) => state?.running);
  return runs && metadata?.deletionTimestamp === undefined;
}

export function isReady({ metadata, status }: PodState): boolean {
  if (metadata?.deletionTimestamp) return false;
  return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false;
}

/**
 * Why a pod is not ready, in words.
 *
 * @param events of the pod and of its volumes' claims, the oldest first
 * @param said the last line of its log, where it has ended
 */
export function podProblem(pod: PodState, events: readonly EventState[], said?: string): PodProblem {
  const { phase, reason, message, conditions = [], containerStatuses = [] } = pod.status ?? {};
  if (reason === "Evicted") {
    return waits(
      `was evicted: ${sentence(message)}`,
      "Give it requests, or nodes with more of what ran out.",
    );
  }
  if (pod.metadata?.deletionTimestamp) return waits("is being deleted", "It comes again by itself.");
  const scheduled = conditions.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (scheduled) return unscheduled(scheduled.message, events);
  for (const each of containerStatuses) {
    const found = containerProblem(each, said);
    if (found) return found;
  }
  const warning = events.findLast(({ reason = "" }) => /^Failed|^Unhealthy$|^BackOff$/.test(reason));
  if (phase === "Failed")
    return waits(`has failed: ${sentence(message ?? reason)}`, "See kubectl describe pod.");
  if (warning)
    return waits(
      `is not ready: ${sentence(warning.message)} (${warning.reason})`,
      "See kubectl describe pod.",
    );
  return waits(phase === "Running" ? "runs, and buildkitd has no worker yet" : "is being started", "");
}

/** Events of what waits for its volume; the claim's own say why it gets none. */
const CLAIMS = /^(ProvisioningFailed|FailedBinding|WaitForPodScheduled|ExternalProvisioning)$/;

function unscheduled(message: string | undefined, events: readonly EventState[]): PodProblem {
  const claim = events.findLast(({ reason = "" }) => CLAIMS.test(reason));
  if (claim && /PersistentVolumeClaim/i.test(message ?? "")) {
    return waits(
      `waits for its volume: ${sentence(claim.message)}`,
      "Set storageClass to one that the cluster has (kubectl get storageclass).",
    );
  }
  return waits(
    `finds no node: ${sentence(message)}`,
    "Mend requests, nodeSelector or tolerations, or give the cluster such a node.",
  );
}

const imageRemedy =
  "Mend image, or its registry's way to the nodes; a private one wants a pull secret of the namespace's account.";

function containerProblem(
  { state, lastState, restartCount = 0 }: ContainerState,
  said?: string,
): PodProblem | undefined {
  const { reason = "", message } = state?.waiting ?? {};
  if (/^(ImagePullBackOff|InvalidImageName|ErrImageNeverPull)$/.test(reason)) {
    return ends(`does not get its image: ${sentence(message)} (${reason})`, imageRemedy);
  }
  // It is tried again; the second time it is called back-off.
  if (reason === "ErrImagePull") return waits(`does not get its image: ${sentence(message)}`, imageRemedy);
  if (/^CreateContainer(Config)?Error$|^RunContainerError$/.test(reason)) {
    return ends(`cannot be started: ${sentence(message)} (${reason})`, "See kubectl describe pod.");
  }
  const ended = state?.terminated ?? (reason === "CrashLoopBackOff" ? lastState?.terminated : undefined);
  if (!ended) return undefined;
  if (ended.reason === "OOMKilled") {
    return waits("was ended for want of memory (OOMKilled)", "Raise limits.memory.");
  }
  const words = `ended with status ${ended.exitCode}${said ? `: ${said}` : ""}`;
  const problem = restartCount > 0 ? `${words}, ${restartCount + 1} times` : words;
  return { problem, remedy: "See kubectl logs.", isFinal: reason === "CrashLoopBackOff" };
}

/** Why a StatefulSet makes no pod at all: a quota, an admission rule. */
export function workloadProblem(events: readonly EventState[]): PodProblem | undefined {
  const failed = events.findLast(({ reason }) => reason === "FailedCreate");
  if (!failed) return undefined;
  const remedy = /PodSecurity/.test(failed.message ?? "")
    ? "Label the namespace pod-security.kubernetes.io/enforce=privileged: builders need more than others."
    : "See kubectl describe statefulset.";
  return ends(`cannot be made: ${sentence(failed.message)}`, remedy);
}

function sentence(text = "the cluster says no more"): string {
  return text.trim().replaceAll(/\s+/g, " ").replace(/\.$/, "");
}
