import type { Home } from "../../home.ts";
import { attempt, run } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { registryImage } from "../toolchain/tools.ts";
import {
  AUTH,
  type DockerNames,
  type FoundContainer,
  HOME_LABEL,
  makeVolume,
  PATIENCE,
  remedy,
  until,
} from "./docker-services.ts";
import { registryAnswers } from "./loopback.ts";
import { makeRegistryLogin, usersFile } from "./registry-login.ts";

/** Its users, inside the container. */
const USERS = "/htpasswd";

/** Makes sure of the registry's container; its data is in a volume, so another port only makes another container. */
export async function ensureDockerRegistry(
  home: Home,
  names: DockerNames,
  port: number,
  existing: FoundContainer | undefined,
): Promise<boolean> {
  const { registry } = names;
  const address = `127.0.0.1:${port}`;
  const isSound = existing?.closed && existing.port === port;
  if (isSound && existing.running && (await registryAnswers(home.logins, address))) return false;
  await withProgress(`Starting the registry's container on port ${port}`, async () => {
    if (!isSound) {
      if (existing?.running) await attempt("docker", ["stop", "-t", PATIENCE, registry]);
      if (existing) await run("docker", ["rm", "--force", registry], { remedy });
      await createRegistry(home, names, address);
    }
    await makeRegistryLogin(home, address);
    try {
      // Copied, as a mounted file need not be one that the engine may read.
      await run("docker", ["cp", usersFile(home), `${registry}:${USERS}`], { remedy });
      await run("docker", [isSound ? "restart" : "start", registry], { remedy });
    } catch (error) {
      // One that could not have its port would be in the way of the next try.
      if (!isSound) await attempt("docker", ["rm", "--force", registry]);
      throw error;
    }
    await until(() => registryAnswers(home.logins, address), "registry", `docker logs ${registry}`);
  });
  return true;
}

/** It listens on the port that it is published as: the builder shares its network, and finds it by the same address. */
async function createRegistry(home: Home, { registry }: DockerNames, address: string): Promise<void> {
  await makeVolume(home, registry);
  const port = address.split(":")[1];
  const options = [
    "--name",
    registry,
    "--restart",
    "unless-stopped",
    "--label",
    `${HOME_LABEL}=${home.root}`,
  ];
  const data = ["--volume", `${registry}:/var/lib/registry`, "--publish", `${address}:${port}`];
  const settings = [
    AUTH,
    "REGISTRY_AUTH_HTPASSWD_REALM=strata",
    `REGISTRY_AUTH_HTPASSWD_PATH=${USERS}`,
    `REGISTRY_HTTP_ADDR=:${port}`,
    "REGISTRY_STORAGE_DELETE_ENABLED=true",
    "REGISTRY_LOG_LEVEL=warn",
    "OTEL_TRACES_EXPORTER=none",
  ].flatMap((setting) => ["--env", setting]);
  await run("docker", ["create", ...options, ...data, ...settings, registryImage], { remedy });
}
