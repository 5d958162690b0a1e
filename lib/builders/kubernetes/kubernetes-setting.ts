import { z } from "zod";
import type { UserError } from "../../../errors.ts";
import type { RegistrySetting } from "../../registry/registry-setting.ts";
import { isOwnHost, loopbackRegistry } from "../remote-setting.ts";

/** What Kubernetes takes for a name that becomes one of a pod: 63 letters with the pod's number and the revision's hash. */
const name = z
  .string()
  .regex(/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/, "expected a name of small letters, digits and -, 40 at most");

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
const quantity = z
  .union([z.string(), z.number().positive()])
  .transform(String)
  .refine(
    (text) => /^\d+(\.\d+)?(m|k|[MGTPE]|[KMGTPE]i)?$/.test(text) && Number.parseFloat(text) > 0,
    "expected a quantity of Kubernetes: 4, 500m, 64Gi",
  );

const resources = z.record(z.string().min(1), quantity);
const words = z.record(z.string().min(1), z.string());

const toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(["Exists", "Equal"]).optional(),
  value: z.string().optional(),
  effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
  tolerationSeconds: z.int().min(0).optional(),
});

/** How a builder that strata makes treats a registry. */
const registry = z.strictObject({
  /** Whether it speaks plain HTTP. */
  http: z.boolean().default(false),
  /** The authority it is trusted by: a text in PEM, or the path of a file with it. */
  ca: z.string().min(1).optional(),
  /** Hosts that are asked before it. */
  mirrors: z.array(z.string().min(1)).default([]),
});

const imageWithDigest = z
  .string()
  .regex(/^[^\s@]+@sha256:[0-9a-f]{64}$/, "expected an image by its digest: name@sha256:…");

/** Settings of what strata makes; they mean nothing for a workload that is there already. */
const made = {
  name: name.optional(),
  /** Of the volume of each pod; without, the store is on the node and goes with the pod. */
  storage: quantity.optional(),
  storageClass: z.string().min(1).optional(),
  requests: resources.optional(),
  limits: resources.optional(),
  nodeSelector: words.optional(),
  tolerations: z.array(toleration).optional(),
  annotations: words.optional(),
  labels: words.optional(),
  rootless: z.boolean().optional(),
  image: imageWithDigest.optional(),
  registries: z.record(z.string().min(1), registry).optional(),
};

/** `{kind: kubernetes, …}`: buildkitd in pods, which strata makes, or a workload that somebody else keeps. */
export const kubernetesSetting = z
  .strictObject({
    kind: z.literal("kubernetes"),
    /** A path; else $KUBECONFIG, ~/.kube/config, or the service account of the pod that this runs in. */
    kubeconfig: z.string().min(1).optional(),
    /** Of the kubeconfig; else its current one. */
    context: z.string().min(1).optional(),
    namespace: name,
    /** What is taken as it is. */
    workload: z
      .string()
      .regex(
        /^(statefulset|deployment)\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
        "expected statefulset/NAME or deployment/NAME",
      )
      .optional(),
    /** Of the pods of a workload; else the one called buildkitd, else the first. */
    container: z.string().min(1).optional(),
    ...made,
    /** Pods that share the stages. */
    replicas: z.int().min(1).max(50).default(1),
    /** Seconds until a pod has to be ready: a node may have to be started for it. */
    wait: z.int().min(5).max(3_600).default(300),
    /** Seconds without an answer after which it is taken for gone. */
    patience: z.int().min(2).max(40).default(30),
  })
  .superRefine((setting, { addIssue }) => {
    const wrong = (key: string, message: string) => addIssue({ code: "custom", path: [key], message });
    if (setting.workload !== undefined) {
      for (const key of Object.keys(made) as (keyof typeof made)[]) {
        if (setting[key] !== undefined)
          wrong(key, `says how strata makes pods, and workload names some that are there`);
      }
    } else if (setting.container !== undefined) {
      wrong("container", "is one of a workload that is there already");
    }
    if (setting.storageClass !== undefined && setting.storage === undefined) {
      wrong("storageClass", "is of the volume whose size storage says");
    }
    if (setting.rootless && setting.image === undefined) {
      wrong("image", "is needed with rootless: moby/buildkit's tag ends in -rootless; name it by its digest");
    }
  });

export type KubernetesSetting = z.output<typeof kubernetesSetting>;

/** What it is called where nothing else is said. */
export const KUBERNETES_NAME = "strata-builder";

/** Pods find themselves on a loopback address. */
export function kubernetesProblems(
  path: string,
  builder: KubernetesSetting,
  registry: RegistrySetting,
): UserError[] {
  if (registry.kind !== "oci" || !isOwnHost(registry.address)) return [];
  return [loopbackRegistry(path, registry.address, shownKubernetes(builder))];
}

/** Which one it is, in a word. */
export function shownKubernetes({
  namespace,
  name: own = KUBERNETES_NAME,
  workload,
  context,
}: KubernetesSetting): string {
  return `${namespace}/${workload ?? own}${context === undefined ? "" : ` (${context})`}`;
}
