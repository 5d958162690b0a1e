import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { keptWheels } from "../../../tools/lint/wheels.ts";
import { askLoopback } from "../../../tools/services/loopback.ts";
import { freePort } from "../../support/port.ts";

/** moto's packages, or why they cannot be had here. */
export async function findMoto() {
  return await keptWheels("tests/integration/moto-requirements.txt", "python3");
}

/** Starts moto, a stand-in for AWS, from the folder of its packages. */
export async function startMoto(folder = ""): Promise<{ address: string; stop(): void }> {
  const port = await freePort();
  const server = spawn("python3", ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], {
    stdio: "ignore",
    env: { ...process.env, PYTHONPATH: folder },
  });
  for (let tries = 0; !(await askLoopback(`127.0.0.1:${port}`, "/moto-api/")); tries++) {
    if (tries === 300 || server.exitCode !== null) throw new Error("moto's server does not answer");
    await sleep(100);
  }
  return { address: `http://127.0.0.1:${port}`, stop: () => server.kill() };
}
