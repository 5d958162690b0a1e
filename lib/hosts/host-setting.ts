import { z } from "zod";
import { type ComputeCapability, computeCapabilities, type Generation } from "../gpu/generations.ts";
import { type Instance, instancesFor, roomierInstances } from "../gpu/instances.ts";
import { hasMemory, instancesWith, type MemoryNeed } from "../gpu/memory.ts";
import { rentedShape } from "../machines/rented.ts";
import { frontendImage } from "./builder-gpu.ts";
import { parseHostKeys } from "./host-keys.ts";

/** `strata:host` and `strata:budget`: where a product is tested, and what that may cost. */

const engine = z.enum(["docker", "podman"]).default("docker");

const builder = z.strictObject({
  kind: z.literal("builder"),
  /** Whether the test gets the builder's GPUs, and has to find one. Default: neither. */
  gpu: z.boolean().optional(),
  /** Image of a Dockerfile frontend that knows `RUN --device`, for a builder whose own does not. */
  frontend: frontendImage.optional(),
});

const docker = z.strictObject({
  kind: z.literal("docker"),
  engine,
  /** Whether it has to have a GPU. Default: unless the generation is `cpu`. */
  gpu: z.boolean().optional(),
  /** Whether a pulled image stays when the test is over. */
  keepImage: z.boolean().default(true),
});

const ssh = z.strictObject({
  kind: z.literal("ssh"),
  address: z.string().regex(/^[A-Za-z0-9_.:-]+$/, "expected a host name or an address"),
  port: z.int().min(1).max(65_535).default(22),
  user: z.string().min(1).default("root"),
  hostKey: z
    .string()
    .refine(
      (text) => parseHostKeys(text) !== undefined,
      'expected what `ssh-keyscan` prints, or "SHA256:…" of it; a line with a mark (@revoked, @cert-authority) is not enough',
    ),
  privateKey: z.string().min(1).optional(),
  engine,
  /** Calls the engine by `sudo -n`. */
  sudo: z.boolean().default(false),
  gpu: z.boolean().optional(),
  keepImage: z.boolean().default(false),
  /** What somebody asks for this machine; nothing for one's own. */
  dollarsPerHour: z.number().nonnegative().optional(),
});

const aws = z.strictObject({
  kind: z.literal("aws"),
  ...rentedShape,
  /** The capability that the product is tested on. Default: of the generation. Its instance types are the default of `instances`. */
  capability: z.enum(computeCapabilities).optional(),
});

const host = z.discriminatedUnion("kind", [builder, docker, ssh, aws]);

/** One host, or several that are tried in this order while one says nothing about the image. */
export const hostSetting = z
  .union([host, z.array(host).min(1)])
  .default({ kind: "builder" })
  .transform((value): readonly HostSetting[] => (Array.isArray(value) ? value : [value]));

/** Minutes that a test on a GPU host takes where none was measured: boot, pull, checks, teardown (docs/hosts.md). */
export const ESTIMATED_MINUTES = 20;

/** What one test may take, all attempts together. */
export const budgetSetting = z
  .strictObject({
    dollars: z.number().nonnegative().default(5),
    minutes: z.number().positive().max(600).default(45),
  })
  .default({ dollars: 5, minutes: 45 });

export type HostSetting = z.output<typeof host>;
export type AwsSetting = z.output<typeof aws>;
export type SshSetting = z.output<typeof ssh>;
export type DockerSetting = z.output<typeof docker>;
export type Budget = z.output<typeof budgetSetting>;

/** Whether a test in the builder is one on its GPU: it has to be said, as most builders have none. */
export function isGpuBuilder(
  host: HostSetting,
): host is Extract<HostSetting, { readonly kind: "builder" }> & { readonly gpu: true } {
  return host.kind === "builder" && host.gpu === true;
}

/** The kind of host whose word counts: of the first one with a GPU, else `builder`, which has none. */
export function kindOfHosts(hosts: readonly HostSetting[]): HostSetting["kind"] | "builder with a GPU" {
  const withGpu = hosts.find(
    (host) => isGpuBuilder(host) || host.kind === "aws" || (host.kind !== "builder" && host.gpu !== false),
  );
  if (withGpu?.kind === "builder") return "builder with a GPU";
  return withGpu?.kind ?? "builder";
}

/**
 * The instance types that an AWS host may use for a generation, in order, at this host's prices.
 *
 * @param memory what the image's own workflows need
 */
export function permittedInstances(
  setting: AwsSetting,
  generation: Generation,
  memory?: MemoryNeed,
): readonly Instance[] {
  const capability = setting.capability ?? generation.testedOn;
  if (!capability) return [];
  const instances = candidates(setting, capability, memory).map((instance) => ({
    ...instance,
    dollarsPerHour: setting.prices[instance.type] ?? instance.dollarsPerHour,
  }));
  if (!setting.instances) return instances;
  return setting.instances.flatMap((type) => instances.filter((instance) => instance.type === type));
}

/** Those that are named may be any of a capability's. */
function candidates(
  { instances }: AwsSetting,
  capability: ComputeCapability,
  memory: MemoryNeed | undefined,
): readonly Instance[] {
  if (!instances) return instancesWith(capability, memory);
  const all = [...instancesFor(capability), ...roomierInstances(capability)];
  return memory ? all.filter((instance) => hasMemory(instance, memory)) : all;
}
