import { mkdir } from "node:fs/promises";
import type { Home } from "../../../home.ts";
import { stopDaemon } from "../../../tools/services/daemon.ts";
import {
  ensureRegistry,
  REGISTRY_CONFIG,
  REGISTRY_PATIENCE,
} from "../../../tools/services/registry-process.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";
import { freePort } from "../../support/port.ts";

/** Starts an empty registry in `home`, on a free port of the loopback address; its login is kept there. */
export async function startRegistry(home: Home): Promise<{ address: string; stop: () => Promise<unknown> }> {
  await mkdir(home.root, { recursive: true });
  const tools = await ensureTools(home, ["registry"]);
  const port = await freePort();
  await ensureRegistry(home, tools, port);
  return {
    address: `127.0.0.1:${port}`,
    stop: () => stopDaemon(home, "registry", REGISTRY_CONFIG, REGISTRY_PATIENCE),
  };
}
