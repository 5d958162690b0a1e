/** A real buildkitd that is reached by TCP and mutual TLS, as if it were on another machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { unmountBelow } from "../../../tools/program/mounts.ts";
import { answers } from "../../../tools/ways/ask-builder.ts";
import { tlsUpstream } from "../../../tools/ways/dial.ts";
import type { Authority } from "../../support/certificates.ts";
import { freePort } from "../../support/port.ts";
import { buildkitdConfig } from "./own-buildkitd.ts";

export interface FarBuilder {
  /** `tcp://127.0.0.1:PORT` */
  readonly address: string;
  readonly pid: number;
  /** What it has been asked to do, as its log says. */
  log(): string;
  /** A signal to it; `SIGCONT` brings a frozen one back. */
  signal(name: NodeJS.Signals): void;
  /** Starts it again, on the same port and store. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @param name in its certificate, beside the one of all, `farm`; it is for no address */
export async function startFarBuilder(
  authority: Authority,
  name: string,
  buildkitd: string,
): Promise<FarBuilder> {
  const root = mkdtempSync(join(tmpdir(), "strata-far-"));
  const port = await freePort();
  const { cert, key } = authority.pair(name, [`DNS:${name}`, "DNS:farm"]);
  const files = { "ca.pem": authority.ca, "cert.pem": cert, "key.pem": key };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, file), text, { mode: 0o600 });
  const pem = (file: string) => join(root, file);
  const grpc = [
    `address = ["tcp://127.0.0.1:${port}"]`,
    "[grpc.tls]",
    `cert = "${pem("cert.pem")}"`,
    `key = "${pem("key.pem")}"`,
    `ca = "${pem("ca.pem")}"`,
  ];
  writeFileSync(join(root, "buildkitd.toml"), buildkitdConfig(root, grpc));
  for (const folder of ["store", "tmp"]) mkdirSync(join(root, folder));
  const client = authority.pair("client");
  const upstream = tlsUpstream(`tcp://127.0.0.1:${port}`, { ...client, ca: authority.ca, serverName: name });
  let child: ChildProcess | undefined;
  const start = async () => {
    const log = openSync(join(root, "log"), "a");
    child = spawn(buildkitd, ["--config", join(root, "buildkitd.toml")], {
      stdio: ["ignore", log, log],
      // With the mounts of its steps, which are undone at the end.
      env: { ...process.env, TMPDIR: join(root, "tmp") },
    });
    for (let tries = 0; tries < 100; tries++) {
      if (await answers(upstream, 1_000)) return;
      await sleep(200);
    }
    throw new Error(`buildkitd does not answer:\n${readFileSync(join(root, "log"), "utf8")}`);
  };
  await start();
  return {
    address: `tcp://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    log: () => readFileSync(join(root, "log"), "utf8"),
    signal: (signal) => child?.kill(signal),
    start,
    async stop() {
      if (child && child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child?.once("exit", resolve));
        child.kill("SIGCONT");
        child.kill("SIGTERM");
        await Promise.race([ended, sleep(10_000).then(() => child?.kill("SIGKILL"))]);
        await ended;
      }
      // What a killed one had mounted, for a step that may run on.
      await unmountBelow(root);
      rmSync(root, { recursive: true, force: true });
    },
  };
}
