/** A real buildkitd, and what a test gives it as a GPU: a CDI file, /dev/null as its card, the smoke tests' stand-in as its driver. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Home, homeAt, repository } from "../../../home.ts";
import { unmountBelow } from "../../../tools/program/mounts.ts";
import { workerAnswers } from "../../../tools/services/buildkitd.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";
import { buildkitdConfig } from "./own-buildkitd.ts";

export interface GpuBuilder {
  /** Knows it as the builder `strata`. */
  readonly home: Home;
  /** Writes NVIDIA's CDI file; undefined removes it. @param card the host's device that is /dev/nvidia0 */
  giveGpu(card: string | undefined): void;
  stop(): Promise<void>;
}

/** @param registry `127.0.0.1:PORT`, without TLS */
export async function startGpuBuilder(registry: string): Promise<GpuBuilder> {
  const root = mkdtempSync(join(tmpdir(), "strata-gpu-"));
  const home = homeAt(join(root, "home"));
  const socket = join(root, "sock");
  const [buildkitd, buildctl] = await tools(home);
  for (const folder of ["cdi", "store", "tmp", "driver"]) mkdirSync(join(root, folder));
  const driver = join(root, "driver", "libcuda.so.595.64");
  execFileSync("gcc", ["-shared", "-fPIC", "-o", driver, join(repository, "smoke/tests/fake_driver.c")]);
  for (const link of ["libcuda.so.1", "libnvidia-ml.so.1"])
    symlinkSync("libcuda.so.595.64", join(root, "driver", link));
  const file = join(root, "buildkitd.toml");
  writeFileSync(file, config(root, socket, registry));
  writeFileSync(
    home.services,
    JSON.stringify({
      builder: { kind: "buildkitd", name: "strata", address: `unix://${socket}` },
      registry: { kind: "process", address: registry },
    }),
  );
  const log = openSync(join(root, "log"), "a");
  const child = spawn(buildkitd, ["--config", file], {
    stdio: ["ignore", log, log],
    env: { ...process.env, TMPDIR: join(root, "tmp") },
  });
  for (let tries = 0; !(await workerAnswers(buildctl, `unix://${socket}`)); tries++) {
    if (tries === 100)
      throw new Error(`buildkitd does not answer:\n${readFileSync(join(root, "log"), "utf8")}`);
    await sleep(200);
  }
  return {
    home,
    giveGpu(card) {
      const path = join(root, "cdi", "nvidia.json");
      if (card === undefined) rmSync(path, { force: true });
      else writeFileSync(path, JSON.stringify(cdiFile(card, join(root, "driver"))));
    },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      await unmountBelow(root);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** buildkitd and buildctl, as a set-up finds them, or makes them. */
async function tools(home: Home): Promise<[string, string]> {
  mkdirSync(home.root, { recursive: true });
  await ensureTools(home, ["buildkitd", "buildctl", "runc"], true);
  return [join(home.bin, "buildkitd"), join(home.bin, "buildctl")];
}

function config(root: string, socket: string, registry: string): string {
  return buildkitdConfig(
    root,
    [`address = ["unix://${socket}"]`],
    [
      "[cdi]",
      `specDirs = ["${join(root, "cdi")}"]`,
      `[registry."${registry}"]`,
      "http = true",
      "insecure = true",
    ],
  );
}

/** Python of this machine: where it is, and what it is made of. */
const python: { readonly program: string; readonly prefix: string } = JSON.parse(
  execFileSync(
    "python3",
    [
      "-c",
      "import json, os, sys; print(json.dumps({'program': os.path.realpath(sys.executable), 'prefix': os.path.realpath(sys.base_prefix)}))",
    ],
    { encoding: "utf8" },
  ),
);

/** An image's `python3` where the builder has given it a GPU: too large for a tiny image, it comes with the driver. */
export const pythonOfGpu = `exec ${python.program} "$@"`;

/** The form of what `nvidia-ctk cdi generate` writes: each card and `all`, the driver's files as mounts, void for other ways. */
function cdiFile(card: string, driver: string): object {
  const containerEdits = { deviceNodes: [{ path: "/dev/nvidia0", hostPath: card }] };
  const mount = (hostPath: string, containerPath = hostPath) => ({
    hostPath,
    containerPath,
    options: ["ro", "nosuid", "nodev", "rbind", "rprivate"],
  });
  const folders = python.prefix === "/usr" ? ["/usr"] : [python.prefix, "/usr/lib"];
  return {
    cdiVersion: "0.6.0",
    kind: "nvidia.com/gpu",
    devices: ["0", "all"].map((name) => ({ name, containerEdits })),
    containerEdits: {
      env: ["NVIDIA_VISIBLE_DEVICES=void", "LD_LIBRARY_PATH=/driver"],
      mounts: [mount(driver, "/driver"), ...folders.map((folder) => mount(folder))],
    },
  };
}
