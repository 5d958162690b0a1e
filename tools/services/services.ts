import { dirname } from "node:path";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { buildxEnvironment } from "../program/environment.ts";
import { writeJson } from "../program/files.ts";
import { unmountBelow } from "../program/mounts.ts";
import { note } from "../program/progress.ts";
import type { Toolchain } from "../toolchain/toolchain.ts";
import { readAuthorities } from "./authorities.ts";
import { builderSocket, makePrivate } from "./builder-socket.ts";
import {
  BUILDER,
  BUILDKITD_CONFIG,
  BUILDKITD_PATIENCE,
  type BuilderSettings,
  buildkitdDaemon,
  canRunBuildkitd,
  gcGigabytes,
  writeBuildxInstance,
} from "./buildkitd.ts";
import { ensureDaemon, occupantOf, stopDaemon } from "./daemon.ts";
import { engineOfRecord, ensureInDocker, stopInDocker } from "./docker-clone.ts";
import { type DockerEngine, findDockerEngine } from "./docker-engine.ts";
import { type PortRequest, portFrom, startOnPort } from "./ports.ts";
import { portOf, recallServices, type Services } from "./record.ts";
import { ensureRegistry, REGISTRY_CONFIG, REGISTRY_PATIENCE } from "./registry-process.ts";

const REGISTRY_PORT = 5_000;

/** Where the builder and the registry run. */
export type BuilderPlace =
  | { readonly kind: "docker"; readonly engine: DockerEngine }
  | { readonly kind: "buildkitd" };

/**
 * A Docker engine where there is one that will do, else processes where this user can run them. What was chosen once
 * stays, since the images are there.
 */
export async function chooseBuilderPlace(home: Home): Promise<BuilderPlace> {
  const recorded = await recallServices(home);
  if (recorded?.builder.kind === "buildkitd") return { kind: "buildkitd" };
  if (recorded?.docker) return { kind: "docker", engine: await engineOfRecord(recorded.docker) };
  const found = await findDockerEngine();
  if (found.kind === "usable") return { kind: "docker", engine: found.engine };
  if (found.kind === "none") return { kind: "buildkitd" };
  const { problem, remedy } = found;
  if (!canRunBuildkitd()) {
    throw new UserError(
      "builder",
      `${problem}, and BuildKit without Docker needs root or rootlesskit.`,
      remedy,
    );
  }
  note(
    `services: processes without Docker, as ${problem}. To use it: ${remedy.replace(/\.?$/, ", then `make clean`.")}`,
  );
  return { kind: "buildkitd" };
}

/** Makes sure that the builder and the registry run and are healthy, and writes down where. */
export async function ensureServices(home: Home, place: BuilderPlace, tools: Toolchain): Promise<Services> {
  const recorded = await recallServices(home);
  const registryWish: PortRequest = {
    variable: "STRATA_REGISTRY_PORT",
    chosen: portFrom("STRATA_REGISTRY_PORT", process.env),
    recorded: portOf(recorded?.registry.address),
    preferred: REGISTRY_PORT,
  };
  const services =
    place.kind === "docker"
      ? await ensureInDocker(home, place.engine, recorded, registryWish, (registry) =>
          builderSettings(home, registry),
        )
      : await ensureProcesses(home, tools, registryWish);
  if (JSON.stringify(recorded) !== JSON.stringify(services)) await writeJson(home.services, services);
  return services;
}

async function ensureProcesses(home: Home, tools: Toolchain, registryWish: PortRequest): Promise<Services> {
  const socket = builderSocket(home);
  await makePrivate(home.run);
  await makePrivate(dirname(socket));
  const registry = await startOnPort(
    "registry",
    registryWish,
    (candidate) => occupantOf(home, "registry", REGISTRY_CONFIG, candidate),
    (port) => ensureRegistry(home, tools, port),
    (moved) => note(`services: ${moved}`),
  );
  const address = `127.0.0.1:${registry.port}`;
  // The builder's configuration names the registry.
  const builder = await ensureDaemon(
    home,
    buildkitdDaemon(home, tools, socket, await builderSettings(home, address)),
  );
  await writeBuildxInstance(buildxEnvironment(home).BUILDX_CONFIG, BUILDER, `unix://${socket}`);
  const state = (fresh: boolean | undefined) => (fresh ? "started" : "running");
  note(`services: registry ${address} ${state(registry.started)}, builder ${state(builder)}`);
  return {
    builder: { kind: "buildkitd", name: BUILDER, address: `unix://${socket}` },
    registry: { kind: "process", address },
  };
}

/** Stops what runs, keeps the data. Says what was stopped. */
export async function stopServices(home: Home): Promise<string[]> {
  const recorded = await recallServices(home);
  if (recorded?.builder.kind === "docker") return await stopInDocker(home, recorded);
  const [builder, registry] = await Promise.all([
    stopDaemon(home, "buildkitd", BUILDKITD_CONFIG, BUILDKITD_PATIENCE),
    stopDaemon(home, "registry", REGISTRY_CONFIG, REGISTRY_PATIENCE),
  ]);
  await unmountBelow(home.buildkit);
  return [...(builder ? ["builder"] : []), ...(registry ? ["registry"] : [])];
}

async function builderSettings(home: Home, registry: string): Promise<BuilderSettings> {
  return { gcGigabytes: gcGigabytes(), registry, authorities: await readAuthorities(home) };
}
