import assert from "node:assert/strict";
import { test } from "node:test";
import { parse as parseToml } from "smol-toml";
import { builderManifests } from "../../../../../lib/builders/kubernetes/builder-manifests.ts";
import { buildkitdToml, quantityNumber } from "../../../../../lib/builders/kubernetes/buildkitd-toml.ts";
import { kubernetesSetting } from "../../../../../lib/builders/kubernetes/kubernetes-setting.ts";
import { buildkitImage } from "../../../../../tools/toolchain/tools.ts";

const parsed = (more: object = {}) =>
  kubernetesSetting.parse({ kind: "kubernetes", namespace: "builds", ...more });

/** What a test reads of a StatefulSet. */
interface Read {
  spec: {
    replicas: number;
    selector: { matchLabels: Record<string, string> };
    template: {
      metadata: { labels: Record<string, string>; annotations: Record<string, string> };
      spec: Record<string, unknown> & {
        containers: (Record<string, unknown> & {
          image: string;
          args: string[];
          volumeMounts: { mountPath: string }[];
        })[];
        volumes: { name: string }[];
      };
    };
    volumeClaimTemplates?: unknown[];
  };
}

function made(more: object = {}, authorities: Record<string, string> = {}) {
  const [config, set] = builderManifests(parsed(more), authorities);
  const { spec } = set as unknown as Read;
  const [container] = spec.template.spec.containers;
  assert.ok(container);
  return { config, set, spec, pod: spec.template.spec, container };
}

test("without more words: one privileged pod of the pinned BuildKit, which listens on no port", () => {
  const { config, spec, pod, container, set } = made();
  assert.deepEqual([config.metadata.name, set.metadata.name], ["strata-builder", "strata-builder"]);
  assert.equal(spec.replicas, 1);
  assert.ok(container.image.startsWith(`docker.io/${buildkitImage}@sha256:`), container.image);
  assert.deepEqual(container.securityContext, { privileged: true });
  assert.deepEqual(container.args, ["--config=/etc/buildkit/buildkitd.toml"]);
  assert.equal(container.ports, undefined);
  assert.equal(pod.automountServiceAccountToken, false);
  assert.deepEqual(pod.volumes, [
    { name: "config", configMap: { name: "strata-builder" } },
    { name: "store", emptyDir: {} },
  ]);
  assert.equal(spec.volumeClaimTemplates, undefined);
});

test("each setting is where Kubernetes has it", () => {
  const tolerations = [{ key: "builds", operator: "Exists", effect: "NoSchedule" }];
  const { spec, pod, container, set } = made({
    name: "farm",
    replicas: 4,
    storage: "200Gi",
    storageClass: "fast",
    requests: { cpu: 16, memory: "64Gi" },
    limits: { memory: "96Gi" },
    nodeSelector: { pool: "builds" },
    tolerations,
    annotations: { team: "images" },
    labels: { cost: "builds" },
  });
  assert.equal(spec.replicas, 4);
  assert.deepEqual(spec.volumeClaimTemplates, [
    {
      metadata: { name: "store", labels: spec.selector.matchLabels },
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: "fast",
        resources: { requests: { storage: "200Gi" } },
      },
    },
  ]);
  assert.deepEqual(
    pod.volumes.map(({ name }) => name),
    ["config"],
  );
  assert.deepEqual(container.resources, {
    requests: { cpu: "16", memory: "64Gi" },
    limits: { memory: "96Gi" },
  });
  assert.deepEqual([pod.nodeSelector, pod.tolerations], [{ pool: "builds" }, tolerations]);
  assert.equal(set.metadata.labels.cost, "builds");
  assert.equal(spec.template.metadata.labels.cost, "builds");
  assert.equal(spec.template.metadata.annotations.team, "images");
  for (const [key, value] of Object.entries(spec.selector.matchLabels)) {
    assert.equal(spec.template.metadata.labels[key], value, "its selector finds its pods");
  }
});

test("one that hangs is restarted after everybody who builds on it has given it up", () => {
  const { container } = made();
  const { periodSeconds, failureThreshold, timeoutSeconds, terminationGracePeriodSeconds } =
    container.livenessProbe as Record<string, number>;
  const longest = Number(kubernetesSetting.shape.patience.unwrap().maxValue);
  assert.equal(longest, 40);
  assert.ok((periodSeconds ?? 0) * ((failureThreshold ?? 0) - 1) > longest, "no build is lost to it");
  assert.ok((timeoutSeconds ?? 0) >= 10, "a busy machine takes its time");
  assert.ok((terminationGracePeriodSeconds ?? 30) < 10, "what is stopped hears no SIGTERM");
});

test("labels of the user do not take the pods from their StatefulSet", () => {
  const { spec } = made({ labels: { "app.kubernetes.io/instance": "mine" } });
  assert.equal(spec.template.metadata.labels["app.kubernetes.io/instance"], "strata-builder");
});

test("rootless: no privileges, what BuildKit needs instead, and a volume that its user may write", () => {
  const image = `moby/buildkit:v0.31.1-rootless@sha256:${"a".repeat(64)}`;
  const { pod, container } = made({ rootless: true, image, storage: "10Gi" });
  assert.equal(container.image, image);
  assert.deepEqual(container.securityContext, {
    runAsUser: 1000,
    runAsGroup: 1000,
    seccompProfile: { type: "Unconfined" },
    appArmorProfile: { type: "Unconfined" },
  });
  assert.ok(container.args.includes("--oci-worker-no-process-sandbox"));
  assert.ok(container.volumeMounts.some(({ mountPath }) => mountPath === "/home/user/.local/share/buildkit"));
  assert.deepEqual(pod.securityContext, { fsGroup: 1000, fsGroupChangePolicy: "OnRootMismatch" });
});

test("another configuration is another pod; the same one is the same", () => {
  const hash = (more: object, authorities = {}) =>
    made(more, authorities).spec.template.metadata.annotations["strata/config"];
  assert.equal(hash({}), hash({}));
  assert.notEqual(hash({ storage: "10Gi" }), hash({}));
  const registries = { "r.local:5000": { ca: "ca.pem" } };
  assert.notEqual(
    hash({ registries }, { "r.local:5000": "one" }),
    hash({ registries }, { "r.local:5000": "two" }),
  );
});

test("buildkitd reads its registries, and removes what is too much for its volume", () => {
  const registries = {
    "10.0.0.1:5000": { http: true },
    "r.local:5000": { ca: "certificates/ca.pem" },
    "docker.io": { mirrors: ["mirror.local"] },
  };
  const { config } = made({ storage: "100Gi", registries }, { "r.local:5000": "PEM" });
  assert.equal(config.data["r.local_5000.pem"], "PEM");
  for (const key of Object.keys(config.data)) assert.match(key, /^[-._a-zA-Z0-9]+$/, "a key of a ConfigMap");
  const toml = parseToml(config.data["buildkitd.toml"] ?? "") as Record<string, never>;
  assert.deepEqual(JSON.parse(JSON.stringify(toml)), {
    history: { maxEntries: 500 },
    worker: {
      oci: {
        gc: true,
        gcpolicy: [
          { filters: ["type==source.local"], keepDuration: "48h", maxUsedSpace: "512MB" },
          { filters: ["type==regular", "type==source.local"], maxUsedSpace: "73014MB" },
          { all: true, maxUsedSpace: "85899MB" },
        ],
      },
    },
    registry: {
      "10.0.0.1:5000": { http: true, insecure: true },
      "r.local:5000": { ca: ["/etc/buildkit/r.local_5000.pem"] },
      "docker.io": { mirrors: ["mirror.local"] },
    },
  });
  assert.equal(buildkitdToml(parsed(), "/x").trim(), "[history]\n  maxEntries = 500");
});

test("quantities as numbers", () => {
  assert.deepEqual(["1", "1k", "2Gi", "1.5M", "500m"].map(quantityNumber), [
    1,
    1000,
    2 * 1024 ** 3,
    1.5e6,
    0.5,
  ]);
});
