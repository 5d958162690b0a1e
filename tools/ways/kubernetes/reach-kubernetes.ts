import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { throwAll, UserError } from "../../../errors.ts";
import { type Home, projectFolder } from "../../../home.ts";
import { isPem } from "../../../lib/builders/builder-problems.ts";
import { builderManifests, MANAGED_BY } from "../../../lib/builders/kubernetes/builder-manifests.ts";
import {
  KUBERNETES_NAME,
  type KubernetesSetting,
  shownKubernetes,
} from "../../../lib/builders/kubernetes/kubernetes-setting.ts";
import { note, withProgress } from "../../program/progress.ts";
import { Unreachable, type Upstream } from "../dial.ts";
import { apiError, ifThere, inTime } from "./api-error.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import { rememberBuilder } from "./made-builders.ts";
import { dialPod } from "./pod-stream.ts";
import { awaitPods, type BuilderPod, builderPods, placeOf, readWorkload } from "./pods.ts";

/**
 * `{kind: kubernetes}`: makes or updates the builder where it is strata's own, waits for its pods, and reaches each through
 * the API server.
 *
 * @throws UserError
 */
export async function reachKubernetes(
  home: Home,
  path: string,
  setting: KubernetesSetting,
): Promise<Upstream[]> {
  const cluster = await openCluster(path, setting);
  try {
    if (setting.workload === undefined) await makeBuilder(home, cluster, path, setting);
    else await requireWorkload(cluster, path, setting);
    const title = `Waiting for pods of ${shownKubernetes(setting)}`;
    const pods = await withProgress(title, (say) => awaitPods(cluster, setting, say));
    requireSome(cluster, path, pods);
    return Array.from({ length: setting.replicas }, (_, index) => podUpstream(cluster, setting, pods, index));
  } catch (error) {
    throw apiError(path, cluster.server, error);
  }
}

async function makeBuilder(
  home: Home,
  cluster: Cluster,
  path: string,
  setting: KubernetesSetting,
): Promise<void> {
  const { name = KUBERNETES_NAME, kubeconfig, context } = setting;
  const { namespace, server } = cluster;
  const manifests = builderManifests(setting, authoritiesOf(path, setting));
  const [label, manager] = Object.entries(MANAGED_BY)[0] ?? [];
  for (const found of [
    await ifThere(cluster.apps.readNamespacedStatefulSet({ name, namespace })),
    await ifThere(cluster.core.readNamespacedConfigMap({ name, namespace })),
  ]) {
    if (!found || found.metadata?.labels?.[label ?? ""] === manager) continue;
    throw new UserError(
      `${path}.name`,
      `${namespace} has a ${found.kind ?? "thing"} ${name} that strata did not make.`,
      `Give another name, or set workload: statefulset/${name} to use it as it is.`,
    );
  }
  await rememberBuilder(home, { kubeconfig, context, server, namespace, name });
  for (const manifest of manifests) {
    const { PatchStrategy } = await import("@kubernetes/client-node");
    // What else has changed of them is not strata's: others keep their fields.
    await inTime(
      cluster.objects.patch(manifest, undefined, undefined, "strata", true, PatchStrategy.ServerSideApply),
    );
  }
}

/** The authorities of its registries, in PEM. */
function authoritiesOf(path: string, { registries = {} }: KubernetesSetting): Record<string, string> {
  const problems: UserError[] = [];
  const found = Object.entries(registries).flatMap(([host, { ca }]) => {
    if (ca === undefined) return [];
    if (isPem(ca)) return [[host, ca] as const];
    const file = resolve(projectFolder, ca);
    if (existsSync(file)) return [[host, readFileSync(file, "utf8")] as const];
    const place = `${path}.registries.${host}.ca`;
    problems.push(
      new UserError(
        place,
        `there is no file ${ca}.`,
        "Give a path from the folder of Pulumi.yaml, or the text.",
      ),
    );
    return [];
  });
  throwAll("Builders that cannot be used", problems);
  return Object.fromEntries(found);
}

async function requireWorkload(cluster: Cluster, path: string, setting: KubernetesSetting): Promise<void> {
  if ((await readWorkload(cluster, setting)) !== undefined) return;
  throw new UserError(
    `${path}.workload`,
    `${cluster.namespace} has no ${setting.workload}.`,
    "Leave workload out to have strata make one, or name one that is there.",
  );
}

/** One that is ready does the others' work, too. */
function requireSome(cluster: Cluster, path: string, pods: readonly BuilderPod[]): void {
  if (pods.some(({ problem }) => problem === undefined)) return;
  const alike = Map.groupBy(pods, ({ problem }) => problem?.problem);
  const errors = [...alike.values()].map((group) => {
    const names = group.map(({ name }) => `${cluster.namespace}/${name}`).join(", ");
    const { problem = "", remedy = "" } = group[0]?.problem ?? {};
    return new UserError(path, `pod ${names} ${problem}.`, remedy);
  });
  throwAll("Builders that cannot be used", errors);
}

/** Milliseconds in which an API that answers tells of pods. */
const LOOK_MS = 5_000;

/** The pod that has one share of a builder's stages. */
function podUpstream(
  cluster: Cluster,
  setting: KubernetesSetting,
  found: readonly BuilderPod[],
  index: number,
): Upstream {
  const first = found[index % found.length];
  const isOwn = setting.workload === undefined;
  const shown = isOwn
    ? `${cluster.namespace}/${first?.name}`
    : `${shownKubernetes(setting)}, pod ${index + 1}`;
  let { uid, restarts } = first ?? {};
  // The names of one's own stay; of another workload's pods each may have gone.
  const current = async (timeoutMs: number) => {
    if (isOwn && first) return first;
    const pods = await inTime(builderPods(cluster, setting), timeoutMs);
    return pods[index % pods.length];
  };
  return {
    shown: `pod ${shown}`,
    async dial(timeoutMs) {
      const pod = await current(timeoutMs);
      if (!pod) throw new Unreachable("is not there", "");
      try {
        return await dialPod(cluster, placeOf(pod), timeoutMs);
      } catch (error) {
        throw (await whyNot(cluster, setting, pod, timeoutMs)) ?? error;
      }
    },
    async fate() {
      const pods = await builderPods(cluster, setting);
      const now = pods.find(({ name }) => name === first?.name);
      if (now?.problem) return now.problem.problem;
      if (now?.uid === uid) return undefined;
      // It is said once: the new one is as good.
      uid = now?.uid;
      return now ? "was deleted, and is another pod now" : "was deleted";
    },
    async comesBack() {
      const pods = await inTime(builderPods(cluster, setting), LOOK_MS).catch(() => []);
      const now = pods.find(({ name }) => name === first?.name);
      // One that hangs, and that no probe restarts, hangs on.
      const hangs = now?.isStill && now.uid === uid && now.restarts === restarts;
      if (pods.length === 0 || hangs) return false;
      note(`builders: waiting for pods of ${shownKubernetes(setting)}`);
      const came = await awaitPods(cluster, setting, () => {}).catch(() => []);
      restarts = came.find(({ name }) => name === first?.name)?.restarts;
      return came.some(({ problem }) => problem === undefined);
    },
  };
}

/** What the cluster says of a pod that takes no connection, if it says it soon: a watch goes on asking. */
async function whyNot(cluster: Cluster, setting: KubernetesSetting, { name }: BuilderPod, timeoutMs: number) {
  const pods = await inTime(builderPods(cluster, setting), timeoutMs).catch(() => []);
  const problem = pods.find((each) => each.name === name)?.problem;
  return problem && new Unreachable(problem.problem, problem.remedy);
}
