import { mkdir } from "node:fs/promises";
import type { Home } from "../../home.ts";
import { dockerConfigFolder } from "../../oci/access/credentials.ts";
import { refreshDockerConfig } from "../builder/docker-login.ts";
import { type BuilderKind, pulumiEnvironment } from "../program/environment.ts";
import type { Services } from "../services/record.ts";
import { chooseBuilderPlace, ensureServices } from "../services/services.ts";
import { ensureTools, neededTools, type Toolchain } from "../toolchain/toolchain.ts";
import { ensureBaseImage, type PreparedBaseImage, serveBaseImage } from "./base-image.ts";
import { checkDockerConfig } from "./docker-config.ts";
import { checkPlatform, preflight } from "./preflight.ts";

/** Everything that a build needs, ready. */
export interface Setup {
  readonly engine: BuilderKind;
  readonly tools: Toolchain;
  readonly services: Services;
  readonly base: PreparedBaseImage;
  /** What a call of Pulumi gets beside this process's environment. */
  readonly environment: Record<string, string>;
}

/**
 * The same for a stack whose builders and registry are all elsewhere: nothing is started here, so it takes neither root nor
 * Docker.
 */
export async function setUpElsewhere(
  home: Home,
  config: Parameters<typeof serveBaseImage>[1],
): Promise<Pick<Setup, "tools" | "environment">> {
  await mkdir(home.state, { recursive: true });
  await checkDockerConfig(dockerConfigFolder());
  checkPlatform(process.platform, process.arch);
  const tools = await ensureTools(home, neededTools.elsewhere);
  await serveBaseImage(home, config);
  return { tools, environment: pulumiEnvironment(home) };
}

/** Makes sure of tools, services and the base image called `base`, in this order; what is there already is kept. */
export async function setUp(home: Home, base: string, firstBuildBytes?: number): Promise<Setup> {
  await mkdir(home.state, { recursive: true });
  await checkDockerConfig(dockerConfigFolder());
  const place = await chooseBuilderPlace(home);
  await preflight(home, place, firstBuildBytes);
  const tools = await ensureTools(home, neededTools[place.kind]);
  const services = await ensureServices(home, place, tools);
  const image = await ensureBaseImage(home, services, base);
  // Pulumi's plugin for builds finds the login of the local registry nowhere else; the state would keep it.
  const docker = { DOCKER_CONFIG: await refreshDockerConfig(home, services.registry.address) };
  const environment = { ...pulumiEnvironment(home), ...docker };
  return { engine: place.kind, tools, services, base: image, environment };
}
