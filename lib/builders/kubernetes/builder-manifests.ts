import { createHash } from "node:crypto";
import { canonicalJson } from "../../canonical-json.ts";
import { buildkitdToml, filesOfConfig } from "./buildkitd-toml.ts";
import { KUBERNETES_NAME, type KubernetesSetting } from "./kubernetes-setting.ts";

/** moby/buildkit v0.31.1, the version that tools/toolchain/tools.ts pins, as its registry has it. */
const DEFAULT_IMAGE =
  "docker.io/moby/buildkit:v0.31.1@sha256:6b59b7df63a8cb9902736f9ddf7fcff8261613d3e7449b8ea8b7537fc399c03a";

/** What tells strata's objects from others. */
export const MANAGED_BY = { "app.kubernetes.io/managed-by": "strata" } as const;
/** The container of a pod in which buildkitd runs. */
export const CONTAINER = "buildkitd";

const CONFIG_FOLDER = "/etc/buildkit";

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
}

export interface ConfigMap extends Manifest {
  readonly data: Readonly<Record<string, string>>;
}

export interface StatefulSet extends Manifest {
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What all objects of one builder have, and no others. */
export function ownLabels(name: string): Record<string, string> {
  return { ...MANAGED_BY, "app.kubernetes.io/name": "buildkit", "app.kubernetes.io/instance": name };
}

/**
 * The objects of a builder that strata makes, in the order in which they are needed. A StatefulSet also without volumes: its
 * pods have names that stay, so a stage finds the caches of its last build, and no stage waits for a pod's new name.
 *
 * @param authorities of `registries`, in PEM, by their hosts
 */
export function builderManifests(
  setting: KubernetesSetting,
  authorities: Readonly<Record<string, string>>,
): [ConfigMap, StatefulSet] {
  const { name = KUBERNETES_NAME, namespace, labels = {}, annotations = {}, replicas } = setting;
  const metadata = { name, namespace, labels: { ...labels, ...ownLabels(name) }, annotations };
  const data = { "buildkitd.toml": buildkitdToml(setting, CONFIG_FOLDER), ...filesOfConfig(authorities) };
  const template = {
    metadata: {
      labels: { ...labels, ...ownLabels(name) },
      annotations: {
        ...annotations,
        "kubectl.kubernetes.io/default-container": CONTAINER,
        // buildkitd reads it once: another configuration is another pod.
        "strata/config": createHash("sha256").update(canonicalJson(data)).digest("hex").slice(0, 16),
      },
    },
    spec: podSpec(setting, name),
  };
  return [
    { apiVersion: "v1", kind: "ConfigMap", metadata, data },
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata,
      spec: {
        replicas,
        serviceName: name,
        podManagementPolicy: "Parallel",
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Retain" },
        selector: { matchLabels: ownLabels(name) },
        template,
        ...(setting.storage === undefined ? {} : { volumeClaimTemplates: [claim(setting, name)] }),
      },
    },
  ];
}

function claim({ storage, storageClass }: KubernetesSetting, name: string) {
  return {
    metadata: { name: "store", labels: ownLabels(name) },
    spec: {
      accessModes: ["ReadWriteOnce"],
      ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      resources: { requests: { storage } },
    },
  };
}

function podSpec(setting: KubernetesSetting, name: string) {
  const { nodeSelector, tolerations, rootless, storage } = setting;
  return {
    // Steps of a build get nothing of the cluster.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(tolerations === undefined ? {} : { tolerations }),
    ...(rootless && storage !== undefined
      ? { securityContext: { fsGroup: 1000, fsGroupChangePolicy: "OnRootMismatch" } }
      : {}),
    // Two on one node share its cores.
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: ownLabels(name) },
      },
    ],
    containers: [container(setting)],
    volumes: [
      { name: "config", configMap: { name } },
      ...(storage === undefined ? [{ name: "store", emptyDir: {} }] : []),
    ],
  };
}

function container({ image = DEFAULT_IMAGE, rootless = false, requests, limits }: KubernetesSetting) {
  const probe = { exec: { command: ["buildctl", "debug", "workers"] }, timeoutSeconds: 10 };
  return {
    name: CONTAINER,
    image,
    // It listens on a socket in the pod and nowhere else: steps share the pod's network, not its files.
    args: [
      `--config=${CONFIG_FOLDER}/buildkitd.toml`,
      ...(rootless ? ["--oci-worker-no-process-sandbox"] : []),
    ],
    // BuildKit's own examples (examples/kubernetes) give the same rights.
    securityContext: rootless
      ? {
          runAsUser: 1000,
          runAsGroup: 1000,
          seccompProfile: { type: "Unconfined" },
          appArmorProfile: { type: "Unconfined" },
        }
      : { privileged: true },
    readinessProbe: { ...probe, periodSeconds: 3, failureThreshold: 3 },
    // One that hangs is restarted after a minute: by then all who built on it have given it up (patience, 40 s at most).
    livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6, terminationGracePeriodSeconds: 5 },
    ...(requests || limits
      ? { resources: { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) } }
      : {}),
    volumeMounts: [
      { name: "config", mountPath: CONFIG_FOLDER, readOnly: true },
      { name: "store", mountPath: rootless ? "/home/user/.local/share/buildkit" : "/var/lib/buildkit" },
    ],
  };
}
