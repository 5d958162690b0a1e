/** A registry that pods reach: it speaks TLS on this machine's end of the wire to the cluster. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Home } from "../../../home.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { freePort } from "../../support/port.ts";
import { MACHINE } from "./configuration.ts";

export interface PodRegistry {
  readonly address: string;
  /** Its authority, as a file. */
  readonly ca: string;
  stop(): Promise<void>;
}

export async function startPodRegistry(home: Home): Promise<PodRegistry> {
  const folder = join(home.root, "pod-registry");
  mkdirSync(folder, { recursive: true });
  const authority = makeAuthority("registry");
  const { cert, key } = authority.pair(MACHINE, [`IP:${MACHINE}`]);
  const port = await freePort();
  const files = {
    "ca.pem": authority.ca,
    "cert.pem": cert,
    "key.pem": key,
    "registry.yml": `version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: ${folder}/data }
http:
  addr: ${MACHINE}:${port}
  tls: { certificate: ${folder}/cert.pem, key: ${folder}/key.pem }
`,
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text, { mode: 0o600 });
  const { registry } = await ensureTools(home, ["registry"]);
  if (!registry) throw new Error("the registry is not resolved");
  const child = spawn(registry.path, ["serve", join(folder, "registry.yml")], {
    stdio: "ignore",
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  for (let tries = 0; !(await listens(port)); tries++) {
    if (tries > 200) throw new Error("the registry did not start");
    await sleep(50);
  }
  return { address: `${MACHINE}:${port}`, ca: join(folder, "ca.pem"), stop: () => ended(child) };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await exit;
}

async function listens(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, MACHINE, () => {
      socket.destroy();
      resolve(true);
    }).once("error", () => resolve(false));
  });
}
