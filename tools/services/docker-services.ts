import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { buildxEnvironment } from "../program/environment.ts";
import { attempt, run } from "../program/exec.ts";
import { writeAtomically } from "../program/files.ts";
import { withProgress } from "../program/progress.ts";
import { buildkitImage } from "../toolchain/tools.ts";
import { BUILDER, BUILDKITD_CONFIG, type BuilderSettings, commonConfig, workerConfig } from "./buildkitd.ts";
import type { DockerEngine } from "./docker-engine.ts";
import { refuseWhileBuilding } from "./running-builds.ts";

/** The label of what strata makes in an engine: the home that it belongs to. */
export const HOME_LABEL = "strata.home";
/** What makes the registry ask for a login. */
export const AUTH = "REGISTRY_AUTH=htpasswd";
/** Seconds that buildkitd and the registry have to finish what they write. */
export const PATIENCE = "20";
/** What to do where Docker fails. */
export const remedy =
  "See that `docker info` and `docker buildx version` work, then run the same command again.";

/** What one clone calls its own in an engine; buildx itself makes the builder's names out of its node's. */
export interface DockerNames {
  readonly node: string;
  readonly builder: string;
  readonly builderVolume: string;
  /** Container and volume. */
  readonly registry: string;
}

export function dockerNames(clone: string): DockerNames {
  const node = `${BUILDER}-${clone}`;
  const builder = `buildx_buildkit_${node}`;
  return { node, builder, builderVolume: `${builder}_state`, registry: `strata-registry-${clone}` };
}

/** What tells the clones of an engine apart. It is written down, and stays when the clone is moved. */
export function cloneId(home: Home): string {
  return createHash("sha256").update(`${hostname()}\0${home.root}`).digest("hex").slice(0, 8);
}

const containerSchema = z.tuple([
  z.object({
    Id: z.string(),
    State: z.object({ Running: z.boolean(), StartedAt: z.string() }),
    Config: z.object({
      Labels: z.record(z.string(), z.string()).nullish(),
      Env: z.array(z.string()).nullish(),
    }),
    HostConfig: z.object({
      PortBindings: z.record(z.string(), z.array(z.object({ HostPort: z.string() })).nullish()).nullish(),
    }),
  }),
]);

export interface FoundContainer {
  readonly id: string;
  readonly running: boolean;
  /** When, in milliseconds; of one that stopped, when it last did. */
  readonly started: number;
  /** Whether the registry in it asks for a login: those of earlier versions did not. */
  readonly closed: boolean;
  /** The loopback port of the registry in it. */
  readonly port: number | undefined;
  /** Whose it is. */
  readonly home: string | undefined;
}

/** A container, running or not; undefined where there is none. */
export async function findContainer(name: string): Promise<FoundContainer | undefined> {
  const answer = await attempt("docker", ["container", "inspect", name]);
  if (!answer.ok) return undefined;
  const [{ Id: id, State, Config, HostConfig }] = containerSchema.parse(JSON.parse(answer.stdout));
  const [bindings] = Object.values(HostConfig.PortBindings ?? {});
  const port = Number(bindings?.[0]?.HostPort) || undefined;
  return {
    id,
    running: State.Running,
    started: Date.parse(State.StartedAt),
    closed: Config.Env?.includes(AUTH) ?? false,
    port,
    home: Config.Labels?.[HOME_LABEL],
  };
}

/** A copy of a clone has written down names that are the original's. */
export function isOfAnother(home: Home, owner: string | undefined): owner is string {
  return owner !== undefined && owner !== home.root && existsSync(join(owner, "services.json"));
}

/**
 * Makes sure of the buildx builder `strata` of this clone; its cache is in a volume that outlives the container. Its network
 * is the registry's container's: build steps see neither this machine's nor what listens there.
 */
export async function ensureDockerBuilder(
  home: Home,
  { node, builder, builderVolume, registry }: DockerNames,
  { endpoint }: DockerEngine,
  settings: BuilderSettings,
): Promise<boolean> {
  const env = buildxEnvironment(home);
  const config = join(home.run, BUILDKITD_CONFIG);
  // What is not BuildKit's configuration and makes another builder all the same stands above it.
  const network = await findContainer(registry);
  const wanted = `# ${buildkitImage}, ${endpoint}, network of ${network?.id}\n${workerConfig(settings)}\n${commonConfig(settings)}`;
  const inspected = await attempt("docker", ["buildx", "inspect", BUILDER], { env });
  const container = await findContainer(builder);
  const isCurrent = inspected.ok && container && (await readFile(config, "utf8").catch(() => "")) === wanted;
  // A registry that was started since has another network.
  const isConnected = container !== undefined && container.started >= (network?.started ?? 0);
  if (isCurrent && isConnected && /Status:\s+running/.test(inspected.stdout)) return false;
  if (container?.running && isConnected) await refuseWhileBuilding(["docker", "exec", builder, "buildctl"]);
  await withProgress(`Starting the builder ${BUILDER} (${buildkitImage})`, async () => {
    if (isCurrent) {
      await run("docker", ["restart", "-t", PATIENCE, builder], { remedy });
      await run("docker", ["buildx", "inspect", "--bootstrap", BUILDER], { remedy, env });
      return;
    }
    if (container?.running) await attempt("docker", ["stop", "-t", PATIENCE, builder]);
    if (container) await run("docker", ["rm", "--force", builder], { remedy });
    await rm(join(env.BUILDX_CONFIG, "instances", BUILDER), { force: true });
    // Only now, so that an interruption never leaves a builder of another configuration than the file's.
    await writeAtomically(config, wanted);
    await makeVolume(home, builderVolume);
    const driver = ["--driver", "docker-container", "--driver-opt", `image=${buildkitImage}`];
    const shared = ["--driver-opt", `network=container:${registry}`, "--buildkitd-config", config];
    const named = ["--name", BUILDER, "--node", node];
    await run("docker", ["buildx", "create", ...named, ...driver, ...shared, "--bootstrap"], {
      remedy,
      env,
    });
  });
  return true;
}

/** With a label, so that it can be told whose it is when the clone is gone; one that is there stays as it is. */
export async function makeVolume(home: Home, name: string): Promise<void> {
  await run("docker", ["volume", "create", "--label", `${HOME_LABEL}=${home.root}`, name], { remedy });
}

/** Stops both containers; volumes stay. Says what ran. */
export async function stopDocker({ builder, registry }: DockerNames): Promise<string[]> {
  const stopped: string[] = [];
  for (const [what, name] of [
    ["builder", builder],
    ["registry", registry],
  ] as const) {
    if (!(await findContainer(name))?.running) continue;
    await run("docker", ["stop", "-t", PATIENCE, name], { remedy });
    stopped.push(what);
  }
  return stopped;
}

/** Waits for a service that has just been started. */
export async function until(healthy: () => Promise<boolean>, name: string, logs: string): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    if (await healthy()) return;
    await sleep(500);
  }
  throw new UserError(name, "does not answer 30 s after its start.", `See why: ${logs}`);
}
