import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Browser, chromium } from "playwright-core";
import { cache, repository } from "../../../home.ts";
import { caddyVersion } from "../../../layers/caddy/layer.ts";
import { keptWheels } from "../../../tools/lint/wheels.ts";
import { attempt } from "../../../tools/program/exec.ts";
import { executables } from "../../../tools/toolchain/find.ts";
import { goBuild } from "../../../tools/toolchain/go-build.ts";
import { freePort } from "../../support/port.ts";

/** A running instance of the portal (tests/python/portal_instance.py), in a folder of its own. */
export interface Instance {
  readonly address: string;
  /** Whether the real door stands before it: there is a Go to build its Caddy with. */
  readonly hasDoor: boolean;
  readonly folder: string;
  /** Writes one of its files; readers never see half of it. */
  write(name: string, text: string): void;
  read(name: string): string;
  end(): Promise<void>;
}

/** Chromium of this machine, or why there is none. */
export async function openBrowser(): Promise<Browser | string> {
  const names = ["chromium", "google-chrome-stable", "google-chrome", "chromium-browser"];
  const [program] = names.flatMap((name) => executables(name, process.env.PATH ?? ""));
  if (program === undefined) return "there is no Chromium on PATH";
  try {
    // Chromium has no sandbox for root.
    const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    return await chromium.launch({ executablePath: program, args });
  } catch (error) {
    return `${program} does not start: ${String(error).split("\n")[0]}`;
  }
}

/** Starts it; its GPU is a stand-in of NVIDIA's library, where there is a compiler. */
export async function startInstance(): Promise<Instance | string> {
  const { folder: packages, missing } = await keptWheels("tests/python/requirements.txt", "python3");
  if (packages === undefined) return missing ?? "no packages";
  const folder = mkdtempSync(join(tmpdir(), "strata-portal-"));
  const [port, tunnels] = [await freePort(), await freePort()];
  const source = join(repository, "tests/python/fake_nvml.c");
  await attempt("gcc", ["-shared", "-fPIC", "-o", join(folder, "libnvidia-ml.so.1"), source]);
  const door = await findCaddy().then(async (caddy) => caddy && { caddy, port: await freePort() });
  const script = join(repository, "tests/python/portal_instance.py");
  const process_ = spawn("python3", [script, "serve", folder, String(port), String(tunnels)], {
    stdio: "ignore",
    env: {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONPATH: [packages, process.env.PYTHONPATH].filter(Boolean).join(delimiter),
      LD_LIBRARY_PATH: folder,
      ...(door ? { STRATA_TEST_CADDY: door.caddy, STRATA_TEST_DOOR_PORT: String(door.port) } : {}),
    },
  });
  const instance: Instance = {
    address: `http://127.0.0.1:${door ? door.port : port}`,
    hasDoor: door !== undefined,
    folder,
    write: (name, text) => writeFileSync(join(folder, name), text),
    read: (name) => readFileSync(join(folder, name), "utf8"),
    end: () => end(process_, folder),
  };
  await ready(`http://127.0.0.1:${port}/tunnels`, instance, process_);
  if (door) await ready(`${instance.address}/`, instance, process_);
  return instance;
}

async function end(process_: ChildProcess, folder: string): Promise<void> {
  if (process_.exitCode === null) {
    process_.kill("SIGTERM");
    await once(process_, "exit");
  }
  rmSync(folder, { recursive: true, force: true });
}

/** The Caddy of the layer `caddy`, built from its pinned modules. */
async function findCaddy(): Promise<string | undefined> {
  if (executables("go", process.env.PATH ?? "").length === 0) return undefined;
  const build = {
    module: "../../layers/caddy",
    package: "github.com/caddyserver/caddy/v2/cmd/caddy",
    ldflags: "-s -w",
  };
  return (await goBuild("caddy", caddyVersion, build, cache)).path;
}

/** Waits until something answers there, be it that it wants a login. */
async function ready(address: string, { read }: Instance, process_: ChildProcess): Promise<void> {
  for (let attempts = 0; attempts < 240 && process_.exitCode === null; attempts++) {
    const answer = await fetch(address).catch(() => undefined);
    if (answer?.ok || answer?.status === 401) return;
    await pause(500);
  }
  throw new Error(
    `${address} does not answer:\n${read("logs/instance_portal.log")}${read("logs/caddy.log")}`,
  );
}
