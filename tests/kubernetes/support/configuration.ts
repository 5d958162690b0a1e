/** Files that a cluster of one node is started with. */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeAuthority } from "../../support/certificates.ts";
import type { ClusterPrograms } from "./programs.ts";

/** Where things listen, in the cluster's own network. */
export const NODE = "10.77.0.1";
/** This machine, as pods see it. */
export const MACHINE = "10.77.0.2";
export const PODS = "10.78.0.0/24";
export const API = `https://${NODE}:16443`;
export const PAUSE = "docker.io/local/pause:1";

/** Writes the certificates, kubeconfigs and configurations of a cluster in `folder`. */
export function writeConfiguration(folder: string, { cni, runc }: ClusterPrograms): void {
  const path = (...parts: string[]) => join(folder, ...parts);
  for (const each of ["pki", "cni", "run", "log", "kubelet", "etcd"])
    mkdirSync(path(each), { recursive: true });
  const write = (file: string, text: string) => writeFileSync(path(file), text, { mode: 0o600 });
  const authority = makeAuthority("kubernetes");
  write("pki/ca.crt", authority.ca);
  const pair = (file: string, subject: string, names: string[] = []) => {
    const { cert, key } = authority.pair(subject, names);
    write(`pki/${file}.crt`, cert);
    write(`pki/${file}.key`, key);
  };
  pair("apiserver", "kube-apiserver", ["DNS:kubernetes", `IP:${NODE}`, "IP:127.0.0.1", "IP:10.96.0.1"]);
  pair("apiserver-kubelet", "apiserver-kubelet/O=system:masters");
  pair("admin", "admin/O=system:masters");
  pair("node", "system:node:n1/O=system:nodes");
  pair("kubelet", "n1", ["DNS:n1", `IP:${NODE}`]);
  execFileSync("openssl", ["genrsa", "-out", path("pki/sa.key"), "2048"], { stdio: "ignore" });
  execFileSync("openssl", ["rsa", "-in", path("pki/sa.key"), "-pubout", "-out", path("pki/sa.pub")], {
    stdio: "ignore",
  });
  write("admin.kubeconfig", kubeconfig(folder, "admin"));
  write("node.kubeconfig", kubeconfig(folder, "node"));
  write("kubelet.yaml", kubelet(folder));
  write("containerd.toml", containerd(folder, cni, runc));
  write("cni/10-pods.conflist", network(folder));
}

function kubeconfig(folder: string, user: string): string {
  const file = (name: string) => join(folder, "pki", name);
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: API, "certificate-authority": file("ca.crt") } }],
    users: [
      { name: user, user: { "client-certificate": file(`${user}.crt`), "client-key": file(`${user}.key`) } },
    ],
    contexts: [{ name: "test", context: { cluster: "test", user } }],
    "current-context": "test",
  });
}

function kubelet(folder: string): string {
  return JSON.stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: NODE,
    port: 20250,
    healthzBindAddress: "127.0.0.1",
    healthzPort: 20248,
    tlsCertFile: join(folder, "pki/kubelet.crt"),
    tlsPrivateKeyFile: join(folder, "pki/kubelet.key"),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(folder, "pki/ca.crt") },
    },
    authorization: { mode: "Webhook" },
    cgroupDriver: "cgroupfs",
    failCgroupV1: false,
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${folder}/run/containerd.sock`,
    podLogsDir: join(folder, "podlogs"),
    volumePluginDir: join(folder, "plugins"),
    resolvConf: "",
    enforceNodeAllocatable: ["pods"],
    evictionHard: { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    syncFrequency: "10s",
    maxPods: 20,
  });
}

/** A sandbox asks for an OOM score that a root without CAP_SYS_RESOURCE may not give. */
function containerd(folder: string, cni: string, runc: string): string {
  return `version = 2
root = "${folder}/containerd/root"
state = "${folder}/containerd/state"
[grpc]
  address = "${folder}/run/containerd.sock"
[ttrpc]
  address = "${folder}/run/containerd.sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE}"
  stream_server_address = "127.0.0.1"
  disable_tcp_service = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = "${runc}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cni}"
    conf_dir = "${folder}/cni"
`;
}

function network(folder: string): string {
  const bridge = {
    type: "bridge",
    bridge: "cni0",
    isGateway: true,
    ipMasq: false,
    ipam: {
      type: "host-local",
      ranges: [[{ subnet: PODS }]],
      routes: [{ dst: "0.0.0.0/0" }],
      dataDir: join(folder, "run/ipam"),
    },
  };
  return JSON.stringify({ cniVersion: "0.4.0", name: "pods", plugins: [bridge, { type: "loopback" }] });
}
