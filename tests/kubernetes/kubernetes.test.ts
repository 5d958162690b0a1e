/** Builders on a real Kubernetes: an update over two pods, one of which is deleted, and what no node takes. */
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import {
  builderOf,
  builderSetting,
  type StackBuilders,
  stackBuilders,
} from "../../lib/builders/builder-setting.ts";
import { findBuilder } from "../../tools/builder/find-builder.ts";
import { retryLost } from "../../tools/pulumi/losses.ts";
import { runPulumi } from "../../tools/pulumi/update.ts";
import { madeBuilders, removeMade, stopMade } from "../../tools/ways/kubernetes/made-builders.ts";
import { openWays } from "../../tools/ways/open-ways.ts";
import type { Ways } from "../../tools/ways/ways.ts";
import { judge } from "../integration/support/judges.ts";
import { smallLayers } from "../integration/support/small-layers.ts";
import { openTestStack, type TestStack } from "../integration/support/stack.ts";
import { running, until } from "../support/running.ts";
import { startCluster, type TestCluster } from "./support/cluster.ts";
import { whyNoCluster } from "./support/programs.ts";
import { type PodRegistry, startPodRegistry } from "./support/registry.ts";

const skip = whyNoCluster() ?? false;
const NAMESPACE = "builds";
let cluster: TestCluster;
let stack: TestStack;
let registry: PodRegistry;
let base: string;

before(async () => {
  if (skip) return;
  cluster = await startCluster();
  await cluster.kubectl("create", "namespace", NAMESPACE);
  stack = await openTestStack();
  registry = await startPodRegistry(stack.home);
  const { STRATA_TEST_BASE: made = "", DOCKER_CONFIG = "" } = stack.stack.environment;
  base = `${registry.address}/base@${made.split("@")[1]}`;
  const words = [
    "cp",
    "--from-plain-http",
    "--to-ca-file",
    registry.ca,
    made,
    `${registry.address}/base:made`,
  ];
  await execa(await judge("oras"), words, { env: { DOCKER_CONFIG } });
});
after(async () => {
  await registry?.stop();
  await stack?.close();
  await cluster?.stop();
});

const kubectl = (...words: string[]) => cluster.kubectl("--namespace", NAMESPACE, ...words);

/** The setting of a builder in the cluster. */
function setting(more: object = {}) {
  const { kubeconfig, image } = cluster;
  const registries = { [registry.address]: { ca: registry.ca } };
  return {
    kind: "kubernetes",
    kubeconfig,
    namespace: NAMESPACE,
    image,
    registries,
    patience: 6,
    wait: 90,
    ...more,
  };
}

const buildersOf = (more: object = {}): StackBuilders =>
  stackBuilders({ builder: builderSetting.parse(setting(more)), builders: {} });

/** The stack with its builder in the cluster, as a command of strata would have it. */
async function inCluster(t: TestContext, more: object = {}): Promise<{ test: TestStack; ways: Ways }> {
  const ways = await openWays(stack.home, buildersOf(more));
  t.after(() => ways.close());
  const { address, ca } = registry;
  const environment = {
    ...ways.environment,
    STRATA_TEST_BASE: base,
    STRATA_TEST_BUILDERS: JSON.stringify({ builder: setting(more) }),
    STRATA_TEST_REGISTRY: JSON.stringify({ kind: "oci", address, repository: "team/strata", ca }),
  };
  return { ways, test: stack.with(environment) };
}

/** The stages that a builder has built, by its own history. */
async function builtOn(name: string, { environment }: Ways): Promise<string[]> {
  const { buildctl } = await findBuilder(stack.home, name, environment);
  assert.ok(buildctl);
  const { stdout } = await execa(buildctl[0], [
    ...buildctl.slice(1),
    "debug",
    "histories",
    "--format",
    "{{json .}}",
  ]);
  return [
    ...new Set([...stdout.matchAll(/"name":"[^"]*:stage-([a-z]+)-/g)].map(([, stage = ""]) => stage)),
  ].sort();
}

test("an update over two pods: a chain and what stands beside it, each where it belongs", {
  skip,
}, async (t) => {
  const { test: far, ways } = await inCluster(t, { replicas: 2 });
  const { stages } = await far.up();
  const names = Object.keys(stages)
    .filter((name) => name !== "product")
    .sort();
  assert.deepEqual(names, ["a", "b", "c", "system"]);
  const builders = buildersOf({ replicas: 2 });
  for (const builder of ["strata", "strata-2"]) {
    const expected = names.filter((name) => builderOf(builders, { name }) === builder);
    assert.ok(expected.length > 0, `${builder} has no stage: nothing is shown`);
    assert.deepEqual(await builtOn(builder, ways), expected);
  }
  // A question is a process in the pod: each ends with its connection.
  await sleep(8_000);
  assert.ok(running("dial-stdio") <= 4, `${running("dial-stdio")} connections are left`);
});

test("a pod deleted in the middle: its stages are named, and the update goes on by itself", {
  skip,
}, async (t) => {
  const { test: far, ways } = await inCluster(t, { replicas: 2 });
  const builder = builderOf(buildersOf({ replicas: 2 }), { name: "c" });
  const pod = builder === "strata" ? "strata-builder-0" : "strata-builder-1";
  const waiting = `begun-${Date.now()}`;
  const usual = smallLayers["c/Dockerfile"] ?? "";
  stack.edit("c/Dockerfile", usual.replace("AS build\n", `AS build\nRUN echo ${waiting} && sleep 15\n`));
  t.after(() => stack.edit("c/Dockerfile", usual));
  const said: string[] = [];
  const silenced = t.mock.method(process.stderr, "write", (text: string) => said.push(text) > 0);
  const run = retryLost(ways, () =>
    runPulumi(stack.home, { ...far.stack, ways }, ["up", "--yes", "--skip-preview"]),
  );
  await until(() => running(waiting) > 0);
  await kubectl("delete", "pod", pod, "--grace-period=1", "--wait=false");
  const code = await run;
  silenced.mock.restore();
  assert.equal(code, 0, said.join(""));
  assert.match(said.join(""), new RegExp(`builder pod builds/${pod} was lost while it built small-c: it `));
  assert.match(said.join(""), /\nbuilders: going on with those that answer\n/);
});

test("the next run finds the pod again, under its name", { skip }, async (t) => {
  const { test: far } = await inCluster(t, { replicas: 2 });
  stack.edit("c/value", "2\n");
  assert.equal((await far.up()).changed["small-c"], "update");
});

test("what no node takes is said with the scheduler's reason; where one is ready it does the work", {
  skip,
}, async (t) => {
  const started = Date.now();
  await assert.rejects(
    inCluster(t, { name: "large", requests: { cpu: 500 }, wait: 5 }),
    /strata:builder: pod builds\/large-0 finds no node: 0\/1 nodes are available: 1 Insufficient cpu\./,
  );
  assert.ok(Date.now() - started < 30_000);
  const cores = Number(await kubectl("get", "node", "n1", "--output=jsonpath={.status.allocatable.cpu}"));
  const said: string[] = [];
  const silenced = t.mock.method(process.stderr, "write", (text: string) => said.push(text) > 0);
  const { test: far } = await inCluster(t, {
    name: "half",
    replicas: 2,
    requests: { cpu: cores * 0.6 },
    wait: 20,
  });
  silenced.mock.restore();
  assert.match(said.join(""), /warning: strata:builder: pod builds\/half-[01] finds no node/);
  stack.edit("b/value", "3\n");
  assert.equal((await far.up()).changed["small-b"], "update");
});

test("what was made is known to the clone: it can be stopped, and removed with all that belongs to it", {
  skip,
}, async () => {
  const made = await madeBuilders(stack.home);
  assert.deepEqual(made.map(({ name }) => name).sort(), ["half", "large", "strata-builder"]);
  for (const builder of made) {
    assert.ok(await stopMade(builder));
    assert.equal(
      await kubectl("get", "statefulset", builder.name, "--output=jsonpath={.spec.replicas}"),
      "0",
    );
    assert.ok(await removeMade(stack.home, builder));
  }
  const left = await kubectl(
    "get",
    "statefulset,configmap,persistentvolumeclaim",
    "--selector=app.kubernetes.io/managed-by=strata",
    "--output=name",
  );
  assert.equal(left, "");
  assert.deepEqual(await madeBuilders(stack.home), []);
});
