import { execFileSync, spawn } from "node:child_process";
import { createHash, randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, type Result } from "execa";
import { cache, home } from "../../../home.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";

/** Docker as these Debian releases ship it: 20.10 cannot read zstd layers, 26.1 can. */
const releases = {
  bookworm: { version: "20.10", packages: ["docker.io"] },
  trixie: { version: "26.1", packages: ["docker.io", "docker-cli", "docker-buildx"] },
} as const;

/** How a call of `docker` ended. */
type DockerEnd = Pick<
  Result<{ all: true; reject: false; stdin: "ignore"; env: Record<string, string> }>,
  "stdout" | "stderr" | "all" | "exitCode"
>;

/** A Docker engine that belongs to a test. */
export interface Engine extends AsyncDisposable {
  readonly version: string;
  /** What programs need to find it: DOCKER_HOST, a DOCKER_CONFIG of its own, and a PATH with its `docker`. */
  readonly environment: Readonly<Record<"DOCKER_HOST" | "DOCKER_CONFIG" | "PATH", string>>;
  /** Runs `docker` with these words, however it ends. */
  docker(...words: string[]): Promise<DockerEnd>;
  stop(): Promise<void>;
}

/** Why there can be no engine here; undefined where there can. */
export function whyNoEngine(): string | undefined {
  if (userInfo().uid !== 0) return "an engine of one's own needs root";
  try {
    execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
    return existsSync("/usr/bin/apt-get") ? undefined : "the engine comes from Debian's packages";
  } catch {
    return "this machine lets nobody make a mount namespace";
  }
}

/**
 * Starts a Docker engine out of Debian's packages. It lives in a root of its own, as unpacking layers does mount calls on
 * `/`, which need not be a mount point here. What lies in the folder for temporary files has the same path for it, so that it
 * can be mounted into containers. It shares the network, so published ports are this machine's, and leaves its firewall
 * alone: containers reach nothing outside.
 */
export async function startEngine(release: keyof typeof releases = "trixie"): Promise<Engine> {
  const { version } = releases[release];
  const tree = await engineTree(release);
  const folder = await mkdtemp(join(tmpdir(), "strata-engine-"));
  const socket = join(folder, "docker.sock");
  const config = join(folder, "config");
  await mkdir(join(config, "cli-plugins"), { recursive: true });
  await mkdir(join(folder, "bin"));
  await symlink(join(tree, "usr/bin/docker"), join(folder, "bin/docker"));
  const buildx = join(tree, "usr/libexec/docker/cli-plugins/docker-buildx");
  if (existsSync(buildx)) await symlink(buildx, join(config, "cli-plugins/docker-buildx"));
  await writeFile(join(config, "config.json"), "{}");
  // What NVIDIA's container toolkit calls it: with it, `--gpus all` is taken, and brings nothing.
  await writeFile(join(folder, "bin/nvidia-container-runtime-hook"), "#!/bin/sh\n", { mode: 0o755 });
  const daemon = await startDaemon(tree, folder, socket);
  const environment = {
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: config,
    PATH: `${folder}/bin:${process.env.PATH}`,
  };
  const docker = (...words: string[]): Promise<DockerEnd> =>
    execa(join(folder, "bin/docker"), words, { env: environment, all: true, reject: false, stdin: "ignore" });
  const stop = async () => {
    const running = (await docker("ps", "--all", "--quiet")).stdout.split("\n").filter(Boolean);
    if (running.length > 0) await docker("rm", "--force", "--volumes", ...running);
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { version, environment, docker, stop, [Symbol.asyncDispose]: stop };
}

/** The files of a Debian release with an engine, made once for all tests of this machine. */
export async function engineTree(release: keyof typeof releases): Promise<string> {
  const { packages } = releases[release];
  const wanted = [...packages, "iptables", "iproute2", "ca-certificates", "procps"].join(",");
  const version = createHash("sha256").update(wanted).digest("hex").slice(0, 8);
  const tree = join(cache, `docker-engine-${release}-${version}`);
  if (existsSync(tree)) return tree;
  const { mmdebstrap } = await ensureTools(home, ["mmdebstrap"], true);
  if (!mmdebstrap) throw new Error("mmdebstrap is not resolved");
  const draft = `${tree}.${process.pid}`;
  await mkdir(cache, { recursive: true });
  await execa(mmdebstrap.path, ["--variant=minbase", "--quiet", `--include=${wanted}`, release, draft]);
  await rename(draft, tree);
  return tree;
}

async function startDaemon(tree: string, folder: string, socket: string): Promise<{ stop(): Promise<void> }> {
  const temporary = tmpdir();
  const script = [
    "set -eu",
    'mount --bind "$TREE" "$TREE"',
    'for part in proc sys dev; do mount --rbind "/$part" "$TREE/$part"; done',
    // Nothing of the tree that others use is written to.
    'for part in run var/lib var/log tmp; do mount -t tmpfs tmpfs "$TREE/$part"; done',
    'mkdir -p "$TREE$TEMPORARY" && mount --rbind "$TEMPORARY" "$TREE$TEMPORARY"',
    'cd "$TREE" && mkdir -p run/old && pivot_root . run/old && umount -l /run/old',
    'exec chroot . dockerd --data-root "$FOLDER/data" --exec-root /run/docker --pidfile "$FOLDER/pid" -H "unix://$SOCKET" --bridge "$BRIDGE" --iptables=false --ip-forward=false --ip-masq=false',
  ].join("\n");
  const log = join(folder, "log");
  const bridge = makeBridge(tree);
  const child = spawn(
    "unshare",
    ["--mount", "--propagation", "private", "sh", "-c", `exec >"$FOLDER/log" 2>&1\n${script}`],
    {
      stdio: "ignore",
      env: {
        PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${folder}/bin`,
        TREE: tree,
        TEMPORARY: temporary,
        FOLDER: folder,
        BRIDGE: bridge.name,
        SOCKET: socket,
      },
    },
  );
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    bridge.remove();
  };
  for (let tries = 0; !(await answers(tree, socket)); tries++) {
    if (tries < 300 && child.exitCode === null) {
      await sleep(100);
      continue;
    }
    await stop();
    throw new Error(`the engine does not start:\n${readFileSync(log, "utf8").slice(-4_000)}`);
  }
  return { stop };
}

async function answers(tree: string, socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  const asked = await execa(join(tree, "usr/bin/docker"), ["--host", `unix://${socket}`, "version"], {
    reject: false,
  });
  return asked.exitCode === 0;
}

/** A bridge of its own: two engines that share one give two containers one address. */
function makeBridge(tree: string): { readonly name: string; remove(): void } {
  const ip = (...words: string[]) => execFileSync("chroot", [tree, "ip", ...words], { stdio: "pipe" });
  for (let tries = 0; ; tries++) {
    const number = randomInt(1, 255);
    const name = `strata-test${number}`;
    try {
      ip("link", "add", name, "type", "bridge");
      ip("address", "add", `10.213.${number}.1/24`, "dev", name);
      ip("link", "set", name, "up");
      return { name, remove: () => ip("link", "delete", name) };
    } catch (error) {
      // Another engine may have it.
      if (tries > 5) throw error;
    }
  }
}
