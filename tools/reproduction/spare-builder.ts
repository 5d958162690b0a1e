import { mkdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { type Home, homeAt } from "../../home.ts";
import { registryAddress } from "../../lib/registry/access.ts";
import type { Variations } from "../../lib/reproduction/reproduction.ts";
import { attempt } from "../program/exec.ts";
import { recall, writeJson } from "../program/files.ts";
import { deferInterrupts } from "../program/main.ts";
import { unmountBelow } from "../program/mounts.ts";
import { identify, isSame } from "../program/processes.ts";
import { readAuthorities } from "../services/authorities.ts";
import { builderSocket, makePrivate } from "../services/builder-socket.ts";
import {
  BUILDER,
  BUILDKITD_CONFIG,
  BUILDKITD_PATIENCE,
  buildkitdDaemon,
  canRunBuildkitd,
  gcGigabytes,
} from "../services/buildkitd.ts";
import { type Daemon, ensureDaemon, stopDaemon } from "../services/daemon.ts";
import type { Services } from "../services/record.ts";
import { ensureTools } from "../toolchain/toolchain.ts";

const NAME = "spare-buildkitd";
/** What steps of the second builder find as their machine's name; the first calls it `buildkitsandbox`. */
export const OTHER_HOST = "another-host";

/** A second builder, empty, and otherwise than the first where a process can be. */
export interface SpareBuilder {
  /** As `buildInBuilder` takes it. */
  readonly home: Home;
  readonly buildctl: string;
  readonly varied: Variations;
  /** Whether the run was interrupted: then it ends in order, and takes the builder along. */
  readonly signal: AbortSignal;
}

/** Home of the second builder: its own tools, files and records, and the logins of the first. */
export function spareHome(home: Home): Home {
  return { ...homeAt(home.reproduction), logins: home.logins };
}

/**
 * Does `work` with a builder that holds nothing, and removes it with all that it holds. One that a killed run left is
 * stopped first.
 *
 * @param cores how many it may use. @default one fewer than there are
 */
export async function withSpareBuilder<T>(
  home: Home,
  cores: number | undefined,
  work: (builder: SpareBuilder) => Promise<T>,
): Promise<T> {
  if (!canRunBuildkitd()) {
    throw new UserError(
      "reproduce",
      "a second builder runs as a process here, which needs root or rootlesskit.",
      "Run it as root, or install rootlesskit.",
    );
  }
  const spare = spareHome(home);
  await mkdir(spare.root, { recursive: true });
  await takeTurn(spare);
  await removeSpareBuilder(home);
  const interrupt = new AbortController();
  return await deferInterrupts(
    () => interrupt.abort(),
    async () => {
      try {
        return await work({ ...(await start(home, spare, cores)), signal: interrupt.signal });
      } finally {
        await removeSpareBuilder(home);
      }
    },
  );
}

/** There is one second builder in a home. @throws UserError where a run that lives has it */
async function takeTurn({ root }: Home): Promise<void> {
  const path = join(root, "owner.json");
  const owner = await recall(path, z.strictObject({ pid: z.number(), started: z.number() }));
  if (owner && owner.pid !== process.pid && isSame(owner)) {
    throw new UserError(
      "reproduce",
      `process ${owner.pid} is building stages again in ${root}.`,
      "Wait for its end, or end it.",
    );
  }
  await writeJson(path, identify(process.pid));
}

/** Stops the second builder, if it runs, and removes what it holds; its tools' list stays. */
export async function removeSpareBuilder(home: Home): Promise<void> {
  const { buildkit, contexts, services, ...spare } = spareHome(home);
  await stopDaemon({ buildkit, contexts, services, ...spare }, NAME, BUILDKITD_CONFIG, BUILDKITD_PATIENCE);
  await unmountBelow(buildkit);
  for (const path of [buildkit, contexts, services]) await rm(path, { recursive: true, force: true });
}

async function start(
  home: Home,
  spare: Home,
  cores: number | undefined,
): Promise<Omit<SpareBuilder, "signal">> {
  const tools = await ensureTools(spare, ["buildkitd", "buildctl", "runc"], true);
  const socket = builderSocket(spare);
  await makePrivate(spare.run);
  const registry = registryAddress(home.services);
  const settings = { gcGigabytes: gcGigabytes(), registry, authorities: await readAuthorities(home) };
  const daemon = buildkitdDaemon(spare, tools, socket, settings);
  const { wrapped, varied } = await otherwise(daemon, cores);
  await ensureDaemon(spare, { ...wrapped, name: NAME, place: "a socket of its own" });
  const services: Services = {
    builder: { kind: "buildkitd", name: BUILDER, address: `unix://${socket}` },
    registry: { kind: "process", address: registry },
  };
  await writeJson(spare.services, services);
  return { home: spare, buildctl: tools.buildctl?.path ?? "", varied };
}

/** The daemon under other conditions, as far as this machine lets it, and which these are. */
async function otherwise(
  daemon: Daemon,
  cores: number | undefined,
): Promise<{ wrapped: Daemon; varied: Variations }> {
  const all = availableParallelism();
  const some = Math.min(cores ?? Math.max(1, all - 1), all);
  const limit = ["taskset", "--cpu-list", `0-${some - 1}`];
  const limits = some < all && (await attempt(limit[0] ?? "", [...limit.slice(1), "true"])).ok;
  const own = [
    "unshare",
    "--uts",
    "sh",
    "-c",
    `echo ${OTHER_HOST} >/proc/sys/kernel/hostname && exec "$@"`,
    "sh",
  ];
  const renames = (await attempt(own[0] ?? "", [...own.slice(1), "true"])).ok;
  const words = [...(renames ? own : []), ...(limits ? limit : [])];
  return {
    wrapped: {
      ...daemon,
      program: "/bin/sh",
      args: (config) => [
        "-c",
        'umask 077 && exec "$@"',
        "sh",
        ...words,
        daemon.program,
        ...daemon.args(config),
      ],
      env: { ...daemon.env, LC_ALL: "tr_TR.UTF-8", TZ: "Pacific/Kiritimati" },
    },
    varied: {
      cores: limits ? `${some} of ${all}` : `${all}, as many as there are`,
      "host name": `steps see ${OTHER_HOST}${renames ? ", the builder too" : ""}`,
      umask: "077 for the builder and its contexts",
      "locale and time zone": "of the builder, not of steps: these get theirs from the image",
      time: "of day, and of the context's files",
    },
  };
}
