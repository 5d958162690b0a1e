import type { Home } from "../../home.ts";
import type { Toolchain } from "../toolchain/toolchain.ts";
import type { Daemon } from "./daemon.ts";
import { registryAnswers } from "./loopback.ts";

export const REGISTRY_CONFIG = "registry.yml";
/** Milliseconds to finish the uploads that are under way. */
export const REGISTRY_PATIENCE = 10_000;

/** The configuration of the registry process: plain files, loopback only, deletion allowed for garbage collection. */
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
`;
}

export function registryDaemon(home: Home, tools: Toolchain, port: number): Daemon {
  if (!tools.registry) throw new Error("the registry is not resolved");
  return {
    name: "registry",
    program: tools.registry.path,
    args: (config) => ["serve", config],
    configFile: REGISTRY_CONFIG,
    config: registryConfig(home, port),
    port,
    // It would otherwise look for a trace collector and log that there is none.
    env: { OTEL_TRACES_EXPORTER: "none" },
    healthy: () => registryAnswers(`127.0.0.1:${port}`),
    patience: REGISTRY_PATIENCE,
  };
}
