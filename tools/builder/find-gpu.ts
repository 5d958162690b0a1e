import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Home } from "../../home.ts";
import {
  answerProblem,
  type BuilderGpu,
  frontendArgs,
  gpuAmong,
  questionDockerfile,
} from "../../lib/hosts/builder-gpu.ts";
import { attempt, lastLine } from "../program/exec.ts";
import { buildInBuilder } from "./builder.ts";
import { findBuilder } from "./find-builder.ts";

/** Milliseconds that a builder may take to say what it has. */
const LIMIT_MS = 30_000;

export interface AskOptions {
  /** Whether a builder of buildx's that stands still is started. */
  readonly start?: boolean;
  /** Who reads Dockerfiles instead of the builder's own frontend. */
  readonly frontend?: string | undefined;
}

const noAnswer = "no answer";

/** What `buildctl debug workers` prints of a worker; BuildKit before 0.20 knows no devices. */
const workers = z.array(z.object({ cdiDevices: z.array(z.object({ name: z.string() })).nullish() }));

/** What `buildx inspect` prints: a device, and a node that runs. */
const inspectedDevice = /^\s+Name:\s+(\S+\/\S+=\S+)\s*$/gm;
const runs = /^Status:\s+running/m;

/**
 * The GPU that a test in the builder called `name` gets: whether it has one, and whether its Dockerfiles can ask for it. No
 * step runs there.
 *
 * @param environment in which the ways are open
 */
export async function builderGpu(
  home: Home,
  name: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  { start = false, frontend }: AskOptions = {},
): Promise<BuilderGpu> {
  const given = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const env = Object.fromEntries(given);
  const devices = await devicesOf(home, name, env, start);
  if (typeof devices === "string") return { problem: `it does not say what it has: ${devices}`, remedy: "" };
  const gpu = gpuAmong(devices);
  if (gpu.device === undefined) return gpu;
  return (await frontendProblem(home, name, env, frontend)) ?? gpu;
}

/** The names of a builder's devices; a text is why it did not tell. */
async function devicesOf(
  home: Home,
  name: string,
  environment: Readonly<Record<string, string>>,
  start: boolean,
): Promise<string[] | string> {
  const { buildctl, buildx } = await findBuilder(home, name, environment);
  const options = { env: { ...environment, ...buildx }, timeout: LIMIT_MS };
  if (!buildctl) {
    const words = ["buildx", "inspect", ...(start ? ["--bootstrap"] : []), name];
    const { stdout, all } = await attempt("docker", words, options);
    if (runs.test(stdout)) return [...stdout.matchAll(inspectedDevice)].map(([, device = ""]) => device);
    return /^Status:/m.test(stdout) ? "it does not run" : lastLine(all) || noAnswer;
  }
  const words = [...buildctl.slice(1), "debug", "workers", "--format", "{{json .}}"];
  const { stdout, all } = await attempt(buildctl[0], words, options);
  // An answer counts even if the program fails after it (buildctl.ts).
  const told = workers.safeParse(parsed(stdout)).data;
  return (
    told?.flatMap(({ cdiDevices }) => (cdiDevices ?? []).map((each) => each.name)) ??
    (lastLine(all) || noAnswer)
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Why its Dockerfiles cannot ask for a device; undefined where they can. */
async function frontendProblem(
  home: Home,
  name: string,
  environment: Readonly<Record<string, string>>,
  frontend: string | undefined,
): Promise<BuilderGpu | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "strata-device-"));
  try {
    const { all } = await buildInBuilder(home, name, {
      folder,
      dockerfile: questionDockerfile,
      args: frontendArgs(frontend),
      output: `type=local,dest=${join(folder, "out")}`,
      environment,
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    return answerProblem(all);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
