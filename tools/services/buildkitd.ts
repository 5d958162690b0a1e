import { dirname, join } from "node:path";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { attempt } from "../program/exec.ts";
import { writeJson } from "../program/files.ts";
import { emptyMounts } from "../program/mounts.ts";
import { executables } from "../toolchain/find.ts";
import type { Toolchain } from "../toolchain/toolchain.ts";
import type { Authority } from "./authorities.ts";
import type { Daemon } from "./daemon.ts";
import { refuseWhileBuilding } from "./running-builds.ts";

export const BUILDER = "strata";
export const BUILDKITD_CONFIG = "buildkitd.toml";
/** Milliseconds to finish writing its store. */
export const BUILDKITD_PATIENCE = 20_000;
const GC_GIGABYTES = 36;
/** As many builds a builder remembers: by itself 50, and a product has more stages, whose provenance is read at its end. */
const REMEMBERED = 500;

/** What a builder's configuration depends on. */
export interface BuilderSettings {
  /** Bytes of cache, in GB, above which the least used is removed. */
  readonly gcGigabytes: number;
  /** The local registry, `127.0.0.1:PORT`, which speaks plain HTTP. */
  readonly registry: string;
  /** Registries that are trusted by authorities of their own. */
  readonly authorities: readonly Authority[];
}

/** The part of buildkitd.toml that is the same in a container. */
export function commonConfig({ registry, authorities }: BuilderSettings): string {
  // BuildKit speaks HTTP to a loopback address unless it is told not to.
  const trusted = authorities.map(
    ({ registry: host, file, sha256 }) => `
# ${sha256}
[registry."${host}"]
  http = false
  ca = [${JSON.stringify(file)}]
`,
  );
  return `[history]
  maxEntries = ${REMEMBERED}

[registry."${registry}"]
  http = true
  insecure = true
${trusted.join("")}`;
}

/** GB of the disk that the builder tries to leave: what the largest stage, torch with CUDA, wants while it is built. */
const FREE_GIGABYTES = 10;

/**
 * The worker's own settings.
 *
 * BuildKit's own rules throw away the oldest of all kinds alike. Checkouts of sources, half-fetched models and the caches
 * of compilers are small and cost minutes to have again; what stages are built on is large and comes from the registry. Where the
 * disk gets short, what finished stages have left goes earlier.
 */
export function workerConfig({ gcGigabytes }: BuilderSettings, more = ""): string {
  return `[worker.oci]
  enabled = true
  gc = true
  max-parallelism = 4
  networkMode = "host"
${more}  # Files of local build contexts: copied again in a moment.
  [[worker.oci.gcpolicy]]
    filters = ["type==source.local"]
    keepDuration = "48h"
    maxUsedSpace = "512MB"
  # Stages, before checkouts and the caches of compilers.
  [[worker.oci.gcpolicy]]
    filters = ["type==regular", "type==source.local"]
    maxUsedSpace = "${Math.round(gcGigabytes * 850)}MB"
    minFreeSpace = "${FREE_GIGABYTES}GB"
  [[worker.oci.gcpolicy]]
    maxUsedSpace = "${gcGigabytes}GB"
    minFreeSpace = "${FREE_GIGABYTES}GB"
  [[worker.oci.gcpolicy]]
    all = true
    maxUsedSpace = "${gcGigabytes}GB"
    minFreeSpace = "${FREE_GIGABYTES}GB"

`;
}

/** buildkitd.toml for a process of this machine. */
export function buildkitdConfig(home: Home, socket: string, runc: string, settings: BuilderSettings): string {
  return `root = "${home.buildkit}"

[grpc]
  address = ["unix://${socket}"]

# By default all builders of a machine share one, which everybody may write to.
[otel]
  socketPath = "${socket}.otel"

${workerConfig(
  settings,
  `  # overlayfs where the file system can, or else full copies.
  snapshotter = "auto"
  binary = "${runc}"
`,
)}[worker.containerd]
  enabled = false

${commonConfig(settings)}`;
}

/** The builder as a process. Only root can run it directly; anybody else needs rootlesskit around it. */
export function buildkitdDaemon(
  home: Home,
  tools: Toolchain,
  socket: string,
  settings: BuilderSettings,
): Daemon {
  const { buildkitd, buildctl, runc } = tools;
  if (!buildkitd || !buildctl || !runc) throw new Error("the builder's tools are not resolved");
  const rootless = process.getuid?.() !== 0;
  const rootlesskit = rootless ? findRootlesskit() : undefined;
  const config = buildkitdConfig(home, socket, runc.path, settings);
  // Steps are mounted in its temporary folder: in the machine's own, one that is killed would leave them for good.
  const temporary = join(home.buildkit, "tmp");
  const args = (file: string) => ["--config", file, ...(rootlesskit ? ["--rootless"] : [])];
  return {
    name: "buildkitd",
    program: rootlesskit ?? buildkitd.path,
    args: (file) =>
      rootlesskit
        ? ["--net=host", "--copy-up=/etc", "--copy-up=/run", buildkitd.path, ...args(file)]
        : args(file),
    configFile: BUILDKITD_CONFIG,
    config,
    place: "its socket",
    env: { PATH: `${dirname(runc.path)}:${process.env.PATH ?? ""}`, TMPDIR: temporary },
    healthy: () => workerAnswers(buildctl.path, `unix://${socket}`),
    beforeStart: () => emptyMounts(temporary),
    beforeReplacing: () => refuseWhileBuilding([buildctl.path, "--addr", `unix://${socket}`]),
    patience: BUILDKITD_PATIENCE,
  };
}

/** Whether this user can run the builder as a process. */
export function canRunBuildkitd(): boolean {
  return process.getuid?.() === 0 || executables("rootlesskit", process.env.PATH ?? "").length > 0;
}

function findRootlesskit(): string {
  const path = executables("rootlesskit", process.env.PATH ?? "")[0];
  if (path) return path;
  throw new UserError(
    "builder",
    "there is no Docker engine here, and BuildKit without one needs root.",
    "Start Docker (then nothing needs root), or run `make up` as root, or install rootlesskit.",
  );
}

/** Whether the builder can take a build: it answers and has a worker. */
export async function workerAnswers(buildctl: string, address: string): Promise<boolean> {
  const answer = await attempt(buildctl, ["--addr", address, "debug", "workers"], { timeout: 10_000 });
  // An answer counts even if the program fails after it, which buildctl does on a busy machine (tools/builder/buildctl.ts).
  return answer.stdout.split("\n").length > 1;
}

/** Tells buildx, and with it the docker-build provider, of a builder: a file in `BUILDX_CONFIG`. */
export async function writeBuildxInstance(folder: string, name: string, address: string): Promise<void> {
  await writeJson(join(folder, "instances", name), {
    Name: name,
    Driver: "remote",
    Nodes: [
      { Name: `${name}0`, Endpoint: address, Platforms: null, DriverOpts: null, Flags: null, Files: null },
    ],
    Dynamic: false,
  });
}

/** Bytes of cache, in GB, that a builder may hold. */
export function gcGigabytes(): number {
  const text = process.env.STRATA_BUILDER_GC_GB;
  if (!text) return GC_GIGABYTES;
  const gigabytes = Number(text);
  if (gigabytes > 0) return gigabytes;
  throw new UserError("STRATA_BUILDER_GC_GB", `expected a number of gigabytes, got "${text}".`, "");
}
