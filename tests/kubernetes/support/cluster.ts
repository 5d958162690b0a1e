/** A real Kubernetes with one node, in a network namespace of its own: no port, route or rule of this machine changes. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { home } from "../../../home.ts";
import { unmountBelow } from "../../../tools/program/mounts.ts";
import { executables } from "../../../tools/toolchain/find.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";
import { API, MACHINE, NODE, PAUSE, PODS, writeConfiguration } from "./configuration.ts";
import { withLibraries, writeArchive } from "./images.ts";
import { type ClusterPrograms, clusterPrograms } from "./programs.ts";

export interface TestCluster {
  /** A kubeconfig of somebody who may do anything. */
  readonly kubeconfig: string;
  /** Where it keeps its files. */
  readonly folder: string;
  /** BuildKit of this machine's own programs, by its digest. */
  readonly image: string;
  /** Runs kubectl with these words, and gives what it says. */
  kubectl(...words: string[]): Promise<string>;
  stop(): Promise<void>;
}

const NAMESPACE = "strata-kubernetes";
/** Of the kernel, for all of the machine: the kubelet sets them. */
const sysctls = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "vm/panic_on_oom"];
const IMAGE = "docker.io/local/buildkit";

/** Starts a cluster; it takes some 20 s. */
export async function startCluster(): Promise<TestCluster> {
  const folder = mkdtempSync(join(tmpdir(), "strata-kubernetes-"));
  const programs = await clusterPrograms(join(folder, "bin"));
  writeConfiguration(folder, programs);
  const before = sysctls.map((name) => readFileSync(`/proc/sys/${name}`, "utf8"));
  makeNetwork();
  const running: [string, ChildProcess][] = [];
  const run = (name: string, program: string, ...words: string[]) => {
    const log = openSync(join(folder, "log", name), "a");
    // Not `ip netns exec`, which mounts another /sys and hides the cgroups from runc.
    const child = spawn("nsenter", [`--net=/run/netns/${NAMESPACE}`, join(programs.bin, program), ...words], {
      stdio: ["ignore", log, log],
      env: { ...process.env, PATH: `${programs.bin}:${process.env.PATH}` },
    });
    running.push([name, child]);
  };
  const kubeconfig = join(folder, "admin.kubeconfig");
  const kubectl = async (...words: string[]) =>
    (await execa("kubectl", ["--kubeconfig", kubeconfig, ...words], { stdin: "ignore" })).stdout;
  const stop = async () => {
    await stopAll(folder, running, kubectl);
    for (const [index, name] of sysctls.entries()) writeFileSync(`/proc/sys/${name}`, before[index] ?? "");
  };
  try {
    startControlPlane(folder, run);
    await until("the API", () => kubectl("get", "--raw", "/readyz"));
    run("controller-manager", "kube-controller-manager", ...controllerFlags(folder));
    run(
      "scheduler",
      "kube-scheduler",
      `--kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--bind-address=127.0.0.1",
    );
    const image = await importImages(folder, programs);
    run("kubelet", "kubelet", ...kubeletFlags(folder));
    await until("the node", () => kubectl("wait", "--for=condition=Ready", "node/n1", "--timeout=5s"));
    await until("the account", () => kubectl("get", "serviceaccount", "default"));
    return { kubeconfig, folder, image, kubectl, stop };
  } catch (error) {
    const logs = running.map(
      ([name]) => `${name}:\n${readFileSync(join(folder, "log", name), "utf8").slice(-1_500)}`,
    );
    await stop();
    throw new Error(`the cluster did not start: ${error}\n${logs.join("\n")}`);
  }
}

type Run = (name: string, program: string, ...words: string[]) => void;

function startControlPlane(folder: string, run: Run): void {
  const pki = (file: string) => join(folder, "pki", file);
  const client = "http://127.0.0.1:12379";
  const peer = "http://127.0.0.1:12380";
  run(
    "etcd",
    "etcd",
    `--data-dir=${folder}/etcd`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    "--unsafe-no-fsync",
  );
  run(
    "apiserver",
    "kube-apiserver",
    `--etcd-servers=${client}`,
    `--bind-address=${NODE}`,
    `--secure-port=${new URL(API).port}`,
    `--advertise-address=${NODE}`,
    "--service-cluster-ip-range=10.96.0.0/24",
    `--tls-cert-file=${pki("apiserver.crt")}`,
    `--tls-private-key-file=${pki("apiserver.key")}`,
    `--client-ca-file=${pki("ca.crt")}`,
    `--kubelet-client-certificate=${pki("apiserver-kubelet.crt")}`,
    `--kubelet-client-key=${pki("apiserver-kubelet.key")}`,
    `--kubelet-certificate-authority=${pki("ca.crt")}`,
    "--kubelet-preferred-address-types=InternalIP",
    `--service-account-key-file=${pki("sa.pub")}`,
    `--service-account-signing-key-file=${pki("sa.key")}`,
    "--service-account-issuer=https://kubernetes.default",
    "--authorization-mode=Node,RBAC",
    "--allow-privileged=true",
    "--endpoint-reconciler-type=none",
  );
  run("containerd", "containerd", "-c", join(folder, "containerd.toml"));
}

function controllerFlags(folder: string): string[] {
  return [
    `--kubeconfig=${folder}/admin.kubeconfig`,
    `--service-account-private-key-file=${folder}/pki/sa.key`,
    `--root-ca-file=${folder}/pki/ca.crt`,
    "--use-service-account-credentials=false",
    "--leader-elect=false",
    "--bind-address=127.0.0.1",
  ];
}

function kubeletFlags(folder: string): string[] {
  return [
    `--config=${folder}/kubelet.yaml`,
    `--kubeconfig=${folder}/node.kubeconfig`,
    "--hostname-override=n1",
    `--node-ip=${NODE}`,
    `--root-dir=${folder}/kubelet`,
    `--cert-dir=${folder}/pki`,
  ];
}

/** A namespace with a wire to this machine, over which pods reach what listens on its end here. */
function makeNetwork(): void {
  const ip = (...words: string[]) => execFileSync("ip", words);
  const inside = (...words: string[]) => ip("-n", NAMESPACE, ...words);
  removeNetwork();
  ip("netns", "add", NAMESPACE);
  ip("link", "add", "strata-k8s", "type", "veth", "peer", "name", "eth0", "netns", NAMESPACE);
  ip("addr", "add", `${MACHINE}/24`, "dev", "strata-k8s");
  ip("link", "set", "strata-k8s", "up");
  inside("link", "set", "lo", "up");
  inside("addr", "add", `${NODE}/24`, "dev", "eth0");
  inside("link", "set", "eth0", "up");
  inside("route", "add", "default", "via", MACHINE);
  ip("route", "add", PODS, "via", NODE);
  execFileSync("nsenter", [`--net=/run/netns/${NAMESPACE}`, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
}

/** The wire goes with it, and the route with the wire. */
function removeNetwork(): void {
  for (const words of [
    ["link", "delete", "strata-k8s"],
    ["netns", "delete", NAMESPACE],
  ]) {
    try {
      execFileSync("ip", words, { stdio: "ignore" });
    } catch {
      // It is not there.
    }
  }
}

async function importImages(folder: string, { bin, runc }: ClusterPrograms): Promise<string> {
  const tools = await ensureTools(home, ["buildkitd", "buildctl"]);
  const { buildkitd, buildctl } = tools;
  const [pause] = executables("sleep", process.env.PATH ?? "");
  if (!buildkitd || !buildctl || !pause) throw new Error("the builder's tools are missing");
  const certificates = "/etc/ssl/certs/ca-certificates.crt";
  const files = withLibraries([
    ["/usr/bin/buildkitd", buildkitd.path],
    ["/usr/bin/buildctl", buildctl.path],
    ["/usr/bin/buildkit-runc", runc],
  ]);
  const config = { Entrypoint: ["/usr/bin/buildkitd"], Env: ["PATH=/usr/bin:/bin"] };
  const archives = [join(folder, "buildkit.tar"), join(folder, "pause.tar")] as const;
  const digest = await writeArchive(
    archives[0],
    `${IMAGE}:test`,
    [...files, [certificates, certificates]],
    config,
  );
  const sleeper = { Entrypoint: ["/bin/sleep", "infinity"] };
  await writeArchive(archives[1], PAUSE, withLibraries([["/bin/sleep", pause]]), sleeper);
  const ctr = [join(bin, "ctr"), "-a", join(folder, "run/containerd.sock"), "-n", "k8s.io", "images"];
  for (const archive of archives) {
    await until("containerd", () => execa(ctr[0] ?? "", [...ctr.slice(1), "import", archive]));
  }
  const name = `${IMAGE}@${digest}`;
  await execa(ctr[0] ?? "", [...ctr.slice(1), "tag", `${IMAGE}:test`, name]);
  return name;
}

async function until(what: string, ask: () => Promise<unknown>): Promise<void> {
  let last: unknown;
  for (let tries = 0; tries < 120; tries++) {
    try {
      await ask();
      return;
    } catch (error) {
      last = error;
      await sleep(500);
    }
  }
  throw new Error(`${what} did not come: ${last}`);
}

async function stopAll(
  folder: string,
  running: readonly [string, ChildProcess][],
  kubectl: (...words: string[]) => Promise<string>,
): Promise<void> {
  await kubectl(
    "delete",
    "statefulset,deployment,pod",
    "--all",
    "--all-namespaces",
    "--grace-period=1",
    "--timeout=60s",
  ).catch(() => "");
  await until("the last pod's end", async () => {
    const left = await kubectl("get", "pods", "--all-namespaces", "--output=name");
    if (left.trim() !== "") throw new Error(left);
  }).catch(() => {});
  for (const [, child] of running.toReversed()) await ended(child);
  endShims(folder);
  await unmountBelow(folder);
  removeNetwork();
  removeCgroups();
  rmSync(folder, { recursive: true, force: true });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await Promise.race([exit, sleep(15_000).then(() => child.kill("SIGKILL"))]);
  await exit;
}

/** containerd leaves them where it ends before its pods. */
function endShims(folder: string): void {
  const found = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
  for (const line of found) {
    const [, pid, args = ""] = /^\s*(\d+) (.*)$/.exec(line) ?? [];
    if (pid && args.includes(join(folder, "bin", "containerd-shim"))) process.kill(Number(pid), "SIGKILL");
  }
}

/** What the kubelet made in each hierarchy of cgroups. */
function removeCgroups(): void {
  execFileSync("sh", [
    "-c",
    "find /sys/fs/cgroup -depth -type d -path '*kubepods*' -exec rmdir {} + 2>/dev/null || true",
  ]);
}
