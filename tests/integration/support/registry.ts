import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import type { Home } from "../../../tools/home.ts";
import { ensureDaemon, stopDaemon } from "../../../tools/services/daemon.ts";
import { REGISTRY_CONFIG, REGISTRY_PATIENCE, registryDaemon } from "../../../tools/services/registry.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";

/** Starts an empty registry in `home`, on a free port of the loopback address. */
export async function startRegistry(home: Home): Promise<{ address: string; stop: () => Promise<unknown> }> {
  await mkdir(home.root, { recursive: true });
  const tools = await ensureTools(home, ["registry"]);
  const port = await freePort();
  await ensureDaemon(home, registryDaemon(home, tools, port));
  return {
    address: `127.0.0.1:${port}`,
    stop: () => stopDaemon(home, "registry", REGISTRY_CONFIG, REGISTRY_PATIENCE),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
