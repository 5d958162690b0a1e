/** The programs of a cluster: Kubernetes and etcd from their Go modules, containerd from Debian's packages. */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cache, home } from "../../../home.ts";
import { executables } from "../../../tools/toolchain/find.ts";
import { goBuild } from "../../../tools/toolchain/go-build.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";
import type { GoBuild } from "../../../tools/toolchain/tools.ts";
import { engineTree, whyNoEngine } from "../../integration/support/engine.ts";

/** The last whose kubelet takes a machine with cgroup v1 where it is told to. */
const KUBERNETES = "1.34.4";
const ETCD = "3.6.16";

const flags = [
  `-X k8s.io/component-base/version.gitVersion=v${KUBERNETES}`,
  `-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${KUBERNETES.split(".")[1]}`,
];

function kubernetes(name: string): GoBuild {
  return {
    module: "kubernetes",
    package: `k8s.io/kubernetes/cmd/${name}`,
    ldflags: `-s -w ${flags.join(" ")}`,
  };
}

/** What is compiled, by its name; the kubelet takes longest, and what it compiles the others share. */
export const clusterBuilds: Readonly<Record<string, readonly [string, GoBuild]>> = {
  etcd: [ETCD, { module: "etcd", package: "go.etcd.io/etcd/server/v3", ldflags: "-s -w" }],
  kubelet: [KUBERNETES, kubernetes("kubelet")],
  "kube-apiserver": [KUBERNETES, kubernetes("kube-apiserver")],
  "kube-controller-manager": [KUBERNETES, kubernetes("kube-controller-manager")],
  "kube-scheduler": [KUBERNETES, kubernetes("kube-scheduler")],
};

const CONTAINERD = ["containerd", "containerd-shim-runc-v2", "ctr"];
const cniFolders = ["/usr/lib/cni", "/opt/cni/bin"];

/** Where a cluster's programs are. */
export interface ClusterPrograms {
  /** One folder with all of them by their names. */
  readonly bin: string;
  readonly runc: string;
  readonly cni: string;
}

/** Why there is no cluster here; undefined where there can be one and it was asked for. */
export function whyNoCluster(): string | undefined {
  const engine = whyNoEngine();
  if (engine !== undefined) return engine;
  if (cniFolder() === undefined)
    return `there are no plugins for pods' networks in ${cniFolders.join(" or ")}`;
  if (!executables("kubectl", process.env.PATH ?? "")[0]) return "there is no kubectl";
  if (existsSync("/sys/fs/cgroup/kubepods") || existsSync("/sys/fs/cgroup/cpu/kubepods")) {
    return "this machine is a node of a cluster already";
  }
  if (process.env.STRATA_TEST_KUBERNETES) return undefined;
  return "it takes minutes, the first time 12 that compile Kubernetes: make test ARGS=kubernetes";
}

/** Where the plugins for pods' networks are; undefined where there are none. */
function cniFolder(): string | undefined {
  return cniFolders.find((folder) => existsSync(join(folder, "bridge")));
}

/** Compiles what is not compiled yet. @param folder where they are put together */
export async function clusterPrograms(folder: string): Promise<ClusterPrograms> {
  mkdirSync(folder, { recursive: true });
  for (const [tool, [version, build]] of Object.entries(clusterBuilds)) {
    const { path } = await goBuild(tool, version, build, cache);
    copyFileSync(path, join(folder, tool));
  }
  const tree = await engineTree("bookworm");
  for (const program of CONTAINERD) copyFileSync(join(tree, "usr/bin", program), join(folder, program));
  const { runc } = await ensureTools(home, ["runc"]);
  const cni = cniFolder();
  if (!runc || cni === undefined) throw new Error("runc or the plugins for networks are missing");
  return { bin: folder, runc: runc.path, cni };
}
