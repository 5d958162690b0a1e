import assert from "node:assert/strict";
import { test } from "node:test";
import { builderProblems } from "../../../../../lib/builders/builder-problems.ts";
import {
  type BuilderChoice,
  builderSetting,
  buildersSetting,
  isFar,
  stackBuilders,
} from "../../../../../lib/builders/builder-setting.ts";
import { kubernetesSetting } from "../../../../../lib/builders/kubernetes/kubernetes-setting.ts";
import { registrySetting } from "../../../../../lib/registry/registry-setting.ts";

const least = { kind: "kubernetes", namespace: "builds" };
const digest = `sha256:${"a".repeat(64)}`;

test("a namespace is enough, and a share of the stages is a name", () => {
  const setting = builderSetting.parse({ ...least, replicas: 3 });
  assert.ok(isFar(setting));
  const builders = stackBuilders({ builder: setting, builders: {} });
  assert.deepEqual(builders.default.names, ["strata", "strata-2", "strata-3"]);
  const heavy = stackBuilders({ builder: "strata", builders: buildersSetting.parse({ heavy: least }) });
  assert.deepEqual(heavy.heavy.names, ["strata-heavy"]);
});

test("quantities are those of Kubernetes; a number is one", () => {
  const parsed = (requests: object) => kubernetesSetting.safeParse({ ...least, requests });
  const { requests } = kubernetesSetting.parse({
    ...least,
    requests: { cpu: 8, memory: "64Gi", "nvidia.com/gpu": "1" },
  });
  assert.deepEqual(requests, { cpu: "8", memory: "64Gi", "nvidia.com/gpu": "1" });
  for (const cpu of ["500m", "1.5", "2k"]) assert.ok(parsed({ cpu }).success, cpu);
  for (const cpu of ["0", "-1", "64GB", "64 Gi", "many", ""]) assert.ok(!parsed({ cpu }).success, cpu);
});

test("all that is wrong is told at once, each by its place", () => {
  const wrong = {
    ...least,
    namespace: "Builds",
    replicas: 0,
    image: "moby/buildkit:latest",
    tolerations: [{ effect: "Never" }],
    limits: { memory: "64GB" },
    nodeSeletor: {},
  };
  const issues = kubernetesSetting.safeParse(wrong).error?.issues ?? [];
  const places = issues.map(({ path, code }) =>
    code === "unrecognized_keys" ? "nodeSeletor" : path.join("."),
  );
  assert.deepEqual(places.sort(), [
    "image",
    "limits.memory",
    "namespace",
    "nodeSeletor",
    "replicas",
    "tolerations.0.effect",
  ]);
});

test("what says how pods are made does not go with a workload that is there", () => {
  const places = (setting: object) =>
    kubernetesSetting.safeParse({ ...least, ...setting }).error?.issues.map(({ path }) => path.join("."));
  assert.equal(places({ workload: "deployment/buildkitd", container: "b", replicas: 2 }), undefined);
  assert.deepEqual(places({ workload: "deployment/buildkitd", name: "x", storage: "1Gi" }), [
    "name",
    "storage",
  ]);
  assert.deepEqual(places({ container: "b" }), ["container"]);
  assert.deepEqual(places({ storageClass: "fast" }), ["storageClass"]);
  assert.deepEqual(places({ rootless: true }), ["image"]);
  assert.equal(places({ rootless: true, image: `moby/buildkit:v1-rootless@${digest}` }), undefined);
  assert.deepEqual(places({ workload: "pod/x" }), ["workload"]);
});

test("pods do not reach a registry on a loopback address, whichever", () => {
  const builder = builderSetting.parse({ ...least, context: "farm" });
  const choice: BuilderChoice = { builder, builders: {} };
  const problems = (registry: object) =>
    builderProblems({ ...choice, registry: registrySetting.parse(registry) }).map(({ message }) => message);
  assert.deepEqual(problems({ kind: "ghcr", owner: "acme", repository: "strata" }), []);
  assert.match(
    problems({ kind: "local", repository: "strata" }).join(),
    /^strata:registry: is the local one.*strata:builder is a builder elsewhere\. .* builds\/strata-builder \(farm\) reaches/,
  );
  assert.match(
    problems({ kind: "oci", address: "localhost:5000", repository: "x/y" }).join(),
    /localhost:5000 is on a loopback address, where strata:builder finds itself/,
  );
});
