import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { type BuilderKind, builderKinds } from "../program/environment.ts";
import { recall, writeJson } from "../program/files.ts";
import { note } from "../program/progress.ts";
import type { Toolchain } from "../toolchain/toolchain.ts";
import {
  BUILDER,
  BUILDKITD_CONFIG,
  BUILDKITD_PATIENCE,
  type BuilderSettings,
  buildkitdDaemon,
  readAuthorities,
  writeBuildxInstance,
} from "./buildkitd.ts";
import { ensureDaemon, occupantOf, stopDaemon } from "./daemon.ts";
import {
  dockerAnswers,
  dockerRegistryPort,
  ensureDockerBuilder,
  ensureDockerRegistry,
  stopDocker,
} from "./docker-services.ts";
import { decidePort, isFree, type PortRequest, portFrom } from "./ports.ts";
import { REGISTRY_CONFIG, REGISTRY_PATIENCE, registryDaemon } from "./registry-process.ts";

/** The file that tells everybody else where the builder and the registry are. */
export const servicesSchema = z.strictObject({
  builder: z.strictObject({
    kind: z.enum(builderKinds),
    /** The buildx builder's name. */
    name: z.string(),
    /** Where buildctl finds it; for a Docker builder, a name that only buildx knows. */
    address: z.string(),
  }),
  registry: z.strictObject({
    kind: z.enum(["process", "docker"]),
    /** `127.0.0.1:PORT`, plain HTTP. */
    address: z.string(),
  }),
});
export type Services = z.infer<typeof servicesSchema>;

const REGISTRY_PORT = 5_000;
const BUILDER_PORT = 1_234;
const GC_GIGABYTES = 36;

/** The services of the last run, running or not. */
export function recallServices(home: Home): Promise<Services | undefined> {
  return recall(home.services, servicesSchema);
}

/** A Docker engine where one answers. What was chosen once stays, since the images are there. */
export async function chooseBuilderKind(home: Home): Promise<BuilderKind> {
  const recorded = (await recallServices(home))?.builder.kind;
  if (recorded === "buildkitd") return recorded;
  if (await dockerAnswers()) return "docker";
  if (recorded === "docker") {
    throw new UserError(
      "builder",
      "the Docker engine that holds the builder and the registry does not answer.",
      "Start Docker, or `make clean` to begin again without it.",
    );
  }
  return "buildkitd";
}

/** Makes sure that the builder and the registry run and are healthy, and writes down where. */
export async function ensureServices(home: Home, engine: BuilderKind, tools: Toolchain): Promise<Services> {
  const recorded = await recallServices(home);
  const registryWish: PortRequest = {
    variable: "STRATA_REGISTRY_PORT",
    chosen: portFrom("STRATA_REGISTRY_PORT", process.env),
    recorded: portOf(recorded?.registry.address),
    preferred: REGISTRY_PORT,
  };
  const services =
    engine === "docker"
      ? await ensureDocker(home, registryWish)
      : await ensureProcesses(home, tools, registryWish, portOf(recorded?.builder.address));
  if (JSON.stringify(recorded) !== JSON.stringify(services)) await writeJson(home.services, services);
  return services;
}

async function ensureDocker(home: Home, wish: PortRequest): Promise<Services> {
  const ours = await dockerRegistryPort();
  // Another clone may have made the container; moving it would take its images' names away.
  const portRequest = { ...wish, recorded: wish.recorded ?? ours };
  const { port, moved } = await decidePort("registry", portRequest, async (candidate) => {
    if (candidate === ours || (await isFree(candidate)))
      return { kind: candidate === ours ? "ours" : "nobody" };
    return { kind: "stranger", description: "another process" };
  });
  if (moved) note(`services: ${moved}`);
  const address = `127.0.0.1:${port}`;
  const started = await ensureDockerRegistry(port);
  const built = await ensureDockerBuilder(home, await builderSettings(home, address));
  note(
    `services: builder ${BUILDER} and registry ${address}, Docker containers${started || built ? "" : ", running"}`,
  );
  return {
    builder: { kind: "docker", name: BUILDER, address: `docker-container://buildx_buildkit_${BUILDER}0` },
    registry: { kind: "docker", address },
  };
}

async function ensureProcesses(
  home: Home,
  tools: Toolchain,
  registryWish: PortRequest,
  recordedBuilder: number | undefined,
): Promise<Services> {
  const registry = await decidePort("registry", registryWish, (port) =>
    occupantOf(home, "registry", REGISTRY_CONFIG, port),
  );
  const builderWish = {
    variable: "STRATA_BUILDER_PORT",
    chosen: portFrom("STRATA_BUILDER_PORT", process.env),
    recorded: recordedBuilder,
    preferred: BUILDER_PORT,
  };
  const builder = await decidePort("builder", builderWish, (port) =>
    occupantOf(home, "buildkitd", BUILDKITD_CONFIG, port),
  );
  if (builder.port === registry.port) {
    throw new UserError(
      "STRATA_BUILDER_PORT",
      `${builder.port} is the registry's port too.`,
      "Choose two ports.",
    );
  }
  for (const { moved } of [registry, builder]) if (moved) note(`services: ${moved}`);

  const address = `127.0.0.1:${registry.port}`;
  const settings = await builderSettings(home, address);
  const started = await Promise.all([
    ensureDaemon(home, registryDaemon(home, tools, registry.port)),
    ensureDaemon(home, buildkitdDaemon(home, tools, builder.port, settings)),
  ]);
  const builderAddress = `tcp://127.0.0.1:${builder.port}`;
  await writeBuildxInstance(home, builderAddress);
  const state = (fresh: boolean | undefined) => (fresh ? "started" : "running");
  note(`services: registry ${address} ${state(started[0])}, builder ${builderAddress} ${state(started[1])}`);
  return {
    builder: { kind: "buildkitd", name: BUILDER, address: builderAddress },
    registry: { kind: "process", address },
  };
}

/** Stops what runs, keeps the data. Says what was stopped. */
export async function stopServices(home: Home): Promise<string[]> {
  const recorded = await recallServices(home);
  if (recorded?.builder.kind === "docker") {
    await stopDocker();
    return ["builder", "registry"];
  }
  const [builder, registry] = await Promise.all([
    stopDaemon(home, "buildkitd", BUILDKITD_CONFIG, BUILDKITD_PATIENCE),
    stopDaemon(home, "registry", REGISTRY_CONFIG, REGISTRY_PATIENCE),
  ]);
  return [...(builder ? ["builder"] : []), ...(registry ? ["registry"] : [])];
}

async function builderSettings(home: Home, registry: string): Promise<BuilderSettings> {
  return { gcGigabytes: gcGigabytes(), registry, authorities: await readAuthorities(home) };
}

function portOf(address: string | undefined): number | undefined {
  return Number(/:(\d+)$/.exec(address ?? "")?.[1]) || undefined;
}

function gcGigabytes(): number {
  const text = process.env.STRATA_BUILDER_GC_GB;
  if (!text) return GC_GIGABYTES;
  const gigabytes = Number(text);
  if (gigabytes > 0) return gigabytes;
  throw new UserError("STRATA_BUILDER_GC_GB", `expected a number of gigabytes, got "${text}".`, "");
}
