import type { Home } from "../../home.ts";
import type { Toolchain } from "../toolchain/toolchain.ts";
import { type Daemon, ensureDaemon } from "./daemon.ts";
import { registryAnswers } from "./loopback.ts";
import { makeRegistryLogin, usersFile } from "./registry-login.ts";

export const REGISTRY_CONFIG = "registry.yml";
/** Milliseconds to finish the uploads that are under way. */
export const REGISTRY_PATIENCE = 10_000;

/**
 * The configuration of the registry process: plain files, loopback only, for who has the login; deletion allowed for
 * garbage collection.
 */
export function registryConfig(home: Home, port: number): string {
  return `version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: ${JSON.stringify(home.registry)}
  delete:
    enabled: true
http:
  addr: 127.0.0.1:${port}
auth:
  htpasswd:
    realm: strata
    path: ${JSON.stringify(usersFile(home))}
`;
}

/** Makes sure of the registry and of its login. Says whether it was started. */
export async function ensureRegistry(home: Home, tools: Toolchain, port: number): Promise<boolean> {
  const address = `127.0.0.1:${port}`;
  // One that runs reads its users again where they changed.
  if (!(await registryAnswers(home.logins, address))) await makeRegistryLogin(home, address);
  return await ensureDaemon(home, registryDaemon(home, tools, port));
}

function registryDaemon(home: Home, tools: Toolchain, port: number): Daemon {
  if (!tools.registry) throw new Error("the registry is not resolved");
  return {
    name: "registry",
    program: tools.registry.path,
    args: (config) => ["serve", config],
    configFile: REGISTRY_CONFIG,
    config: registryConfig(home, port),
    place: `port ${port}`,
    // It would otherwise look for a trace collector and log that there is none.
    env: { OTEL_TRACES_EXPORTER: "none" },
    healthy: () => registryAnswers(home.logins, `127.0.0.1:${port}`),
    patience: REGISTRY_PATIENCE,
  };
}
