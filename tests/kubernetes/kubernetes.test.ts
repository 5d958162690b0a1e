/**
 * Builders on a real Kubernetes: an update over two pods with volumes, one of which is deleted; what no node takes; somebody
 * else's workload, and one that hangs; an API that is out of reach; logins by a program and by a pod's account.
 */
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
import { waitFor } from "../integration/support/wait-for.ts";
import { running, until } from "../support/running.ts";
import { startCluster, type TestCluster } from "./support/cluster.ts";
import { PAUSE } from "./support/configuration.ts";
import {
  accountOfDocs,
  apply,
  buildkitdOf,
  dropPackets,
  loginProgram,
  podWithNode,
  theirDeployment,
  volumeByHand,
} from "./support/objects.ts";
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
  await apply(cluster, ...["v0", "v1"].map((name) => volumeByHand(cluster, name)));
  await apply(cluster, ...accountOfDocs(NAMESPACE, "ci"));
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
    patience: 12,
    wait: 90,
    ...more,
  };
}

/** Two pods, each with a volume. */
const two = { replicas: 2, storage: "1Gi", storageClass: "by-hand" };

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
  const { test: far, ways } = await inCluster(t, two);
  const { stages } = await far.up();
  const names = Object.keys(stages)
    .filter((name) => name !== "product")
    .sort();
  assert.deepEqual(names, ["a", "b", "c", "system"]);
  const builders = buildersOf(two);
  for (const builder of ["strata", "strata-2"]) {
    const expected = names.filter((name) => builderOf(builders, { name }) === builder);
    assert.ok(expected.length > 0, `${builder} has no stage: nothing is shown`);
    assert.deepEqual(await builtOn(builder, ways), expected);
  }
  const claims = await kubectl("get", "persistentvolumeclaim", "--output=jsonpath={.items[*].status.phase}");
  assert.equal(claims, "Bound Bound");
  // A question is a process in the pod: each ends with its connection.
  await sleep(8_000);
  assert.ok(running("dial-stdio") <= 4, `${running("dial-stdio")} connections are left`);
});

test("a pod deleted in the middle: its stages are named, and the update goes on by itself", {
  skip,
}, async (t) => {
  const { test: far, ways } = await inCluster(t, two);
  const builder = builderOf(buildersOf(two), { name: "c" });
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
  const { test: far } = await inCluster(t, two);
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

test("a volume that nobody makes is said with the cluster's reason", { skip }, async () => {
  const more = { name: "unbound", storage: "1Gi", storageClass: "nobody", wait: 5 };
  await assert.rejects(
    openWays(stack.home, buildersOf(more)),
    /strata:builder: pod builds\/unbound-0 waits for its volume: storageclass\.storage\.k8s\.io "nobody" not found\./,
  );
});

/** Stops the process of a pod's buildkitd, as a machine does that swaps; or lets it go on. */
async function signalPod(name: string, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
  process.kill(buildkitdOf(await kubectl("get", "pod", name, "--output=jsonpath={.metadata.uid}")), signal);
}

test("a login by the kubeconfig's program: told of the cluster, asked once, and anew when it is over", {
  skip,
}, async (t) => {
  const token = await kubectl("create", "token", "ci");
  const soon = new Date(Date.now() + 24_000).toISOString();
  const login = loginProgram(cluster, [
    { token, expirationTimestamp: soon },
    { token: "refused" },
    { token },
  ]);
  const ways = await openWays(stack.home, buildersOf({ ...two, kubeconfig: login.kubeconfig }));
  t.after(() => ways.close());
  const told = JSON.parse(login.told()[0] ?? "{}");
  assert.equal(told.spec.interactive, false);
  assert.match(told.spec.cluster.server, /^https:/);
  assert.ok(told.spec.cluster["certificate-authority-data"]);
  // Its time is over, and what comes next is refused: the watch goes on with the third.
  await until(() => login.told().length >= 3, 60);
  await sleep(8_000);
  assert.deepEqual(ways.losses, []);
  assert.equal(login.told().length, 3);
  ways.close();
  await assert.rejects(
    openWays(stack.home, buildersOf({ ...two, kubeconfig: login.kubeconfig })),
    /strata:builder: \S+log-in, by which the kubeconfig's user admin logs in, ended with status 3: the session has expired: log in anew\./,
  );
});

test("an API out of reach: its builders are lost as soon as others, and nobody waits for their pods", {
  skip,
}, async (t) => {
  const ways = await openWays(stack.home, buildersOf(two));
  t.after(() => ways.close());
  const carry = dropPackets();
  const dropped = Date.now();
  try {
    await until(() => ways.losses.length > 0, 45);
    assert.match(ways.losses[0]?.problem ?? "", /does not answer within/);
    assert.equal(await ways.canGoOn(), false);
    assert.ok(Date.now() - dropped < 60_000, `${Date.now() - dropped} ms`);
  } finally {
    carry();
  }
  // What becomes of it the last but one test tells.
  await signalPod("strata-builder-1", "SIGSTOP");
});

test("somebody else's deployment is built on as it is; one that hangs ends the update within a minute", {
  skip,
}, async (t) => {
  await apply(cluster, theirDeployment(NAMESPACE, cluster.image, PAUSE));
  await kubectl("rollout", "status", "deployment/theirs", "--timeout=60s");
  const theirs = { workload: "deployment/theirs", registries: undefined, image: undefined };
  const { test: far, ways } = await inCluster(t, theirs);
  const waiting = `hangs-${Date.now()}`;
  const usual = smallLayers["c/Dockerfile"] ?? "";
  stack.edit("c/Dockerfile", usual.replace("AS build\n", `AS build\nRUN echo ${waiting} && sleep 60\n`));
  t.after(() => stack.edit("c/Dockerfile", usual));
  const said: string[] = [];
  const silenced = t.mock.method(process.stderr, "write", (text: string) => said.push(text) > 0);
  const words = ["up", "--yes", "--skip-preview"];
  const run = retryLost(ways, () => runPulumi(stack.home, { ...far.stack, ways }, words));
  await until(() => running(waiting) > 0, 240);
  const pod = await kubectl(
    "get",
    "pod",
    "--selector=app=theirs",
    "--output=jsonpath={.items[0].metadata.name}",
  );
  await signalPod(pod, "SIGSTOP");
  const stopped = Date.now();
  const code = await run;
  silenced.mock.restore();
  assert.ok(Date.now() - stopped < 60_000, `${Date.now() - stopped} ms`);
  assert.notEqual(code, 0, said.join(""));
  assert.match(
    said.join(""),
    /builder pod builds\/deployment\/theirs, pod 1 was lost while it built [^:]*small-c[^:]*: it /,
  );
  // A deployment's next pod has another name.
  await kubectl("delete", "pod", pod, "--force", "--grace-period=0");
  await kubectl("rollout", "status", "deployment/theirs", "--timeout=60s");
  stack.edit("c/Dockerfile", usual);
  stack.edit("c/value", "4\n");
  const { test: again } = await inCluster(t, theirs);
  assert.equal((await again.up()).changed["small-c"], "update");
  await assert.rejects(
    openWays(stack.home, buildersOf({ ...theirs, container: "other" })),
    /has no container other\. Set container to one of beside, buildkitd\./,
  );
  await kubectl("delete", "deployment", "theirs");
});

test("a pod of the cluster, by its own account with the rights of the documents alone", {
  skip,
}, async () => {
  const { image } = cluster;
  const own = { kind: "kubernetes", namespace: NAMESPACE, image, name: "inside", wait: 60 };
  const script = "tests/kubernetes/support/from-a-pod.ts";
  await apply(cluster, podWithNode(NAMESPACE, image, "ci", [script, JSON.stringify(own)]));
  const phase = () => kubectl("get", "pod", "job", "--output=jsonpath={.status.phase}");
  for (let tries = 0; !/Succeeded|Failed/.test(await phase()); tries++) {
    assert.ok(tries < 90, await kubectl("describe", "pod", "job"));
    await sleep(1_000);
  }
  assert.match(await kubectl("logs", "job"), /^its builders answer$/m);
  await kubectl("delete", "pod/job", "statefulset/inside", "configmap/inside", "--wait=false");
});

test("a pod that hangs is restarted by its cluster", { skip }, async () => {
  const restarts = () =>
    kubectl(
      "get",
      "pod",
      "strata-builder-1",
      "--output=jsonpath={.status.containerStatuses[0].restartCount}",
    );
  await waitFor("it is started again", async () => (await restarts()) !== "0", 90);
});

test("what was made is known to the clone: it can be stopped, and removed with all that belongs to it", {
  skip,
}, async () => {
  const made = await madeBuilders(stack.home);
  assert.deepEqual(made.map(({ name }) => name).sort(), ["half", "large", "strata-builder", "unbound"]);
  for (const builder of made) {
    assert.ok(await stopMade(builder));
    assert.equal(
      await kubectl("get", "statefulset", builder.name, "--output=jsonpath={.spec.replicas}"),
      "0",
    );
    assert.ok(await removeMade(stack.home, builder));
  }
  const left = () =>
    kubectl(
      "get",
      "statefulset,configmap,persistentvolumeclaim",
      "--selector=app.kubernetes.io/managed-by=strata",
      "--output=name",
    );
  // A claim goes with the last pod that has it.
  await waitFor("nothing is left", async () => (await left()) === "", 60);
  assert.deepEqual(await madeBuilders(stack.home), []);
});
