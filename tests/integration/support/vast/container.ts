import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../engine.ts";

/** How vast.ai starts an instance: its own entrypoint, or the platform's `/.launch` with sshd, or with Jupyter as well. */
export type LaunchMode = "args" | "ssh" | "jupyter";

export interface Order {
  readonly mode?: LaunchMode;
  readonly environment?: Readonly<Record<string, string>>;
  /** Ports that the platform maps. @default those of all services */
  readonly ports?: readonly number[];
  /** More words for `docker run`. */
  readonly flags?: readonly string[];
  /** Another image than the proof's, and other words for its entrypoint. */
  readonly image?: string;
  readonly command?: readonly string[];
}

/** The services by the names that the seed gives them; all of them run where nobody asks for less. */
export const serviceNames = [
  "caddy",
  "comfyui",
  "instance_portal",
  "jupyter",
  "sshd",
  "tensorboard",
  "tunnel_manager",
] as const;

/** The services that people open in a browser, by the port of the door in front of each. */
export const doors = { instance_portal: 1111, jupyter: 8080, comfyui: 8188, tensorboard: 6006 } as const;

/** A program as supervisor tells of it. */
export interface Service {
  readonly state: string;
  readonly pid: number | undefined;
}

/** A container of the image. */
export interface Instance {
  readonly name: string;
  /** Where this machine reaches all of its ports, published or not. */
  readonly address: string;
  /** Runs words in it as root; throws what they wrote where they fail. */
  run(...words: string[]): Promise<string>;
  /** Whether these words end well in it. */
  holds(...words: string[]): Promise<boolean>;
  /** What the container has written so far. */
  log(): Promise<string>;
  services(): Promise<Readonly<Record<string, Service>>>;
  /** Returns once all of these are RUNNING; seconds since the start. */
  up(names: readonly string[], seconds: number): Promise<number>;
  /** As the platform does it: the same container once more. */
  reboot(): Promise<void>;
  remove(): Promise<void>;
}

/** What vast.ai gives every instance, and for each port that it maps the one outside. */
function platform(ports: readonly number[]): Record<string, string> {
  return {
    CONTAINER_ID: "4711",
    VAST_CONTAINERLABEL: "C.4711",
    PUBLIC_IPADDR: "203.0.113.7",
    GPU_COUNT: "1",
    DATA_DIRECTORY: "/workspace/",
    ...Object.fromEntries(ports.map((port) => [`VAST_TCP_PORT_${port}`, String(port + 30_000)])),
  };
}

export interface Starter {
  readonly engine: Engine;
  readonly image: string;
  /** The stand-in of `/.launch`, a file for each mode that has one. */
  readonly launch: Readonly<Record<Exclude<LaunchMode, "args">, string>>;
}

/** Starts an instance; it need not be up when this returns. */
export async function startInstance(starter: Starter, order: Order = {}): Promise<Instance> {
  const { engine, launch } = starter;
  const { mode = "args", environment = {}, flags = [], image = starter.image, command = [] } = order;
  const { ports = [22, ...Object.values(doors)] } = order;
  const name = `vast-${randomBytes(4).toString("hex")}`;
  const env = Object.entries({ ...platform(ports), ...environment }).flatMap(([key, value]) => [
    "--env",
    `${key}=${value}`,
  ]);
  const start =
    mode === "args" ? [] : ["--volume", `${launch[mode]}:/.launch:ro`, "--entrypoint", "/bin/bash"];
  const words = mode === "args" ? command : ["/.launch"];
  await must(engine, "run", "--detach", "--name", name, ...env, ...flags, ...start, image, ...words);
  const address = await must(engine, "inspect", "--format", "{{.NetworkSettings.IPAddress}}", name);
  return describe(engine, name, address.trim());
}

async function must(engine: Engine, ...words: string[]): Promise<string> {
  const { exitCode, all, stdout } = await engine.docker(...words);
  if (exitCode !== 0) throw new Error(`docker ${words.slice(0, 2).join(" ")}: ${all}`);
  return stdout;
}

function describe(engine: Engine, name: string, address: string): Instance {
  let started = performance.now();
  const log = async () => (await engine.docker("logs", name)).all;
  const services = async () => {
    const control = ["/opt/services/bin/supervisorctl", "-c", "/etc/supervisor/supervisord.conf", "status"];
    // It ends with 3 where one of them does not run.
    return readStatus((await engine.docker("exec", name, ...control)).stdout);
  };
  return {
    name,
    address,
    run: (...words) => must(engine, "exec", name, ...words),
    holds: async (...words) => (await engine.docker("exec", name, ...words)).exitCode === 0,
    log,
    services,
    async up(names, seconds) {
      for (;;) {
        const found = await services();
        const passed = (performance.now() - started) / 1000;
        const missing = names.filter((service) => found[service]?.state !== "RUNNING");
        if (missing.length === 0) return passed;
        if (passed > seconds)
          throw new Error(`not up after ${seconds} s: ${missing.join(", ")}\n${await log()}`);
        await sleep(300);
      }
    },
    async reboot() {
      await must(engine, "restart", "--time", "10", name);
      started = performance.now();
    },
    async remove() {
      await engine.docker("rm", "--force", "--volumes", name);
    },
  };
}

/** Lines such as `caddy   RUNNING   pid 40, uptime 0:00:07`. */
function readStatus(text: string): Record<string, Service> {
  return Object.fromEntries(
    [...text.matchAll(/^(\S+)\s+([A-Z]+)(?:\s+pid (\d+))?/gm)].map(([, name = "", state = "", pid]) => [
      name,
      { state, pid: pid === undefined ? undefined : Number(pid) },
    ]),
  );
}
