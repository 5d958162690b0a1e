/** What tests make in a cluster, and do to it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { repository } from "../../../home.ts";
import type { TestCluster } from "./cluster.ts";
import { MACHINE } from "./configuration.ts";

/** Writes objects into a cluster. */
export async function apply({ kubectl, folder }: TestCluster, ...items: object[]): Promise<void> {
  const file = join(mkdtempSync(join(folder, "objects-")), "list.json");
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await kubectl("apply", "--filename", file);
}

/** A volume as an administrator makes it by hand: nobody provisions any here. */
export function volumeByHand({ folder }: TestCluster, name: string): object {
  const path = join(folder, "volumes", name);
  mkdirSync(path, { recursive: true });
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      storageClassName: "by-hand",
      capacity: { storage: "2Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      hostPath: { path, type: "Directory" },
    },
  };
}

/** An account with the rights that docs/builders.md names, word for word. */
export function accountOfDocs(namespace: string, name: string): object[] {
  const page = readFileSync(join(repository, "docs/builders.md"), "utf8");
  const [, text = ""] = /```yaml\n(apiVersion: rbac\.authorization[\s\S]*?)```/.exec(page) ?? [];
  const role = parse(text);
  role.metadata.namespace = namespace;
  const subject = { kind: "ServiceAccount", name, namespace };
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } },
    role,
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name, namespace },
      roleRef,
      subjects: [subject],
    },
  ];
}

/** buildkitd as somebody else keeps it: not alone in its pod, selected by an expression, probed by nobody. */
export function theirDeployment(namespace: string, image: string, pause: string): object {
  const volumes = [
    { name: "config", configMap: { name: "strata-builder" } },
    { name: "store", emptyDir: {} },
  ];
  const buildkitd = {
    name: "buildkitd",
    image,
    args: ["--config=/etc/buildkit/buildkitd.toml"],
    securityContext: { privileged: true },
    volumeMounts: [
      { name: "config", mountPath: "/etc/buildkit" },
      { name: "store", mountPath: "/var/lib/buildkit" },
    ],
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "theirs", namespace },
    spec: {
      selector: { matchExpressions: [{ key: "app", operator: "In", values: ["theirs"] }] },
      template: {
        metadata: { labels: { app: "theirs" } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "beside", image: pause }, buildkitd],
          volumes,
        },
      },
    },
  };
}

/** A pod that runs a file of this repository by this machine's Node, as a job of CI in the cluster would. */
export function podWithNode(namespace: string, image: string, account: string, words: string[]): object {
  const folders = ["/usr", "/lib", "/lib64", repository, dirname(dirname(process.execPath))];
  const environment = {
    HOME: "/tmp/home",
    KUBERNETES_SERVICE_HOST: "10.77.0.1",
    KUBERNETES_SERVICE_PORT: "16443",
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "job", namespace },
    spec: {
      serviceAccountName: account,
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "job",
          image,
          command: [process.execPath, ...words],
          workingDir: repository,
          // Nothing here forwards the address of the API's service.
          env: Object.entries(environment).map(([name, value]) => ({ name, value })),
          volumeMounts: folders.map((mountPath, index) => ({ name: `f${index}`, mountPath, readOnly: true })),
        },
      ],
      volumes: folders.map((path, index) => ({ name: `f${index}`, hostPath: { path } })),
    },
  };
}

/** The buildkitd of a pod, as a process of this machine. */
export function buildkitdOf(uid: string): number {
  const found = readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(uid) &&
        readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("/usr/bin/buildkitd\0")
      );
    } catch {
      // It has ended.
      return false;
    }
  });
  const [pid] = found;
  if (pid === undefined || found.length > 1) throw new Error(`pod ${uid} has ${found.length} buildkitd`);
  return Number(pid);
}

/** Drops what the cluster sends to this machine. @returns carries it again */
export function dropPackets(): () => void {
  const route = (verb: string) =>
    execFileSync("ip", ["-n", "strata-kubernetes", "route", verb, "blackhole", `${MACHINE}/32`]);
  route("add");
  return () => route("delete");
}

/** A program that a kubeconfig's user logs in by: it writes down what it is told, and answers with `answers` in turn. */
export function loginProgram(cluster: TestCluster, answers: readonly object[]) {
  const folder = mkdtempSync(join(cluster.folder, "login-"));
  for (const [index, status] of answers.entries()) {
    const credential = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status };
    writeFileSync(join(folder, `answer-${index + 1}`), JSON.stringify(credential));
  }
  const text = `#!/bin/sh
cd ${folder}
echo "$KUBERNETES_EXEC_INFO" >> told
number=$(wc -l < told)
[ -e "answer-$number" ] || { echo "the session has expired: log in anew" >&2; exit 3; }
cat "answer-$number"
`;
  writeFileSync(join(folder, "log-in"), text, { mode: 0o755 });
  const base = JSON.parse(readFileSync(cluster.kubeconfig, "utf8"));
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: "./log-in",
    interactiveMode: "Never",
    provideClusterInfo: true,
  };
  base.users = [{ name: "admin", user: { exec } }];
  writeFileSync(join(folder, "kubeconfig"), JSON.stringify(base));
  const told = () => readFileSync(join(folder, "told"), "utf8").trim().split("\n");
  return { kubeconfig: join(folder, "kubeconfig"), told };
}
