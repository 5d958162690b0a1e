import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { attempt, run } from "../program/exec.ts";
import { writeAtomically } from "../program/files.ts";
import { withProgress } from "../program/progress.ts";
import { buildkitImage, registryImage } from "../toolchain/tools.ts";
import { BUILDER, BUILDKITD_CONFIG, type BuilderSettings, commonConfig, workerConfig } from "./buildkitd.ts";
import { registryAnswers } from "./loopback.ts";

/** The registry's container and its volume. */
const REGISTRY = "strata-registry";
const remedy = "See that `docker info` and `docker buildx version` work, then run the same command again.";

/** Whether a Docker engine answers; the client alone is not enough. */
export async function dockerAnswers(): Promise<boolean> {
  return (await attempt("docker", ["info", "--format", "{{.ServerVersion}}"], { timeout: 10_000 })).ok;
}

/** The loopback port that our registry's container has, running or not; undefined when there is no container. */
export async function dockerRegistryPort(): Promise<number | undefined> {
  const format = '{{range $p := index .HostConfig.PortBindings "5000/tcp"}}{{$p.HostPort}}{{end}}';
  const answer = await attempt("docker", ["inspect", "--format", format, REGISTRY]);
  return answer.ok ? Number(answer.stdout) || undefined : undefined;
}

/** Makes sure of the registry's container; its data is in a volume, so another port only makes another container. */
export async function ensureDockerRegistry(port: number): Promise<boolean> {
  const address = `127.0.0.1:${port}`;
  const existing = await dockerRegistryPort();
  if (existing === port && (await registryAnswers(address))) return false;
  await withProgress(`Starting the registry's container on port ${port}`, async () => {
    if (existing === port) await run("docker", ["start", REGISTRY], { remedy });
    else {
      if (existing !== undefined) await run("docker", ["rm", "--force", REGISTRY], { remedy });
      const options = ["--detach", "--name", REGISTRY, "--restart", "unless-stopped"];
      const data = ["--volume", `${REGISTRY}:/var/lib/registry`, "--publish", `${address}:5000`];
      const settings = ["--env", "REGISTRY_STORAGE_DELETE_ENABLED=true", "--env", "REGISTRY_LOG_LEVEL=warn"];
      const quiet = ["--env", "OTEL_TRACES_EXPORTER=none"];
      await run("docker", ["run", ...options, ...data, ...settings, ...quiet, registryImage], { remedy });
    }
    await until(() => registryAnswers(address), "registry", `docker logs ${REGISTRY}`);
  });
  return true;
}

/** Makes sure of the buildx builder `strata`; its cache is in a volume that buildx keeps with `--keep-state`. */
export async function ensureDockerBuilder(home: Home, settings: BuilderSettings): Promise<boolean> {
  const config = join(home.run, BUILDKITD_CONFIG);
  const buildkitConfig = `${workerConfig(settings)}\n${commonConfig(settings)}`;
  const inspected = await attempt("docker", ["buildx", "inspect", BUILDER]);
  const running = inspected.ok && /Status:\s+running/.test(inspected.stdout);
  const current = await readFile(config, "utf8").catch(() => undefined);
  if (running && current === buildkitConfig) return false;
  await withProgress(`Starting the builder ${BUILDER} (${buildkitImage})`, async () => {
    if (inspected.ok) await run("docker", ["buildx", "rm", "--keep-state", BUILDER], { remedy });
    // Only now, so that an interruption never leaves a builder of another configuration than the file's.
    await writeAtomically(config, buildkitConfig);
    const driver = ["--driver", "docker-container", "--driver-opt", `image=${buildkitImage}`];
    const network = ["--driver-opt", "network=host", "--buildkitd-config", config];
    await run("docker", ["buildx", "create", "--name", BUILDER, ...driver, ...network, "--bootstrap"], {
      remedy,
    });
  });
  return true;
}

/** Stops both containers; volumes stay. */
export async function stopDocker(): Promise<void> {
  await attempt("docker", ["buildx", "stop", BUILDER]);
  await attempt("docker", ["stop", REGISTRY]);
}

/** Removes both containers with their volumes. */
export async function removeDocker(): Promise<void> {
  await attempt("docker", ["buildx", "rm", "--force", BUILDER]);
  await attempt("docker", ["rm", "--force", "--volumes", REGISTRY]);
  await attempt("docker", ["volume", "rm", REGISTRY]);
}

async function until(healthy: () => Promise<boolean>, name: string, logs: string): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    if (await healthy()) return;
    await sleep(500);
  }
  throw new UserError(name, "does not answer 30 s after its start.", `See why: ${logs}`);
}
