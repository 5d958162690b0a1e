import { z } from "zod";
import type { CudaVersion } from "../gpu/compatibility.ts";
import { type GenerationName, generation, minimumDriver } from "../gpu/generations.ts";
import type { MemoryNeed } from "../gpu/memory.ts";
import { parseWithSchema } from "../schema-errors.ts";
import { frontendImage } from "./builder-gpu.ts";
import type { Budget } from "./host-setting.ts";
import type { Purpose } from "./policies.ts";

/**
 * What tools/steps/smoke-test.ts gets to know of the hosts: a component made it, so a mistake in it is a bug. Keys and passwords
 * are not in it.
 */

const machine = {
  engine: z.enum(["docker", "podman"]),
  /** Whether checks that need a GPU have to run. */
  gpu: z.boolean(),
  keepImage: z.boolean(),
};

const builder = z.strictObject({
  kind: z.literal("builder"),
  /** Absent where the checks run without a GPU. */
  gpu: z.boolean().optional(),
  frontend: frontendImage.optional(),
});
const docker = z.strictObject({ kind: z.literal("docker"), ...machine });
const ssh = z.strictObject({
  kind: z.literal("ssh"),
  address: z.string(),
  port: z.int(),
  user: z.string(),
  hostKey: z.string(),
  sudo: z.boolean(),
  dollarsPerHour: z.number().optional(),
  ...machine,
});

/** Whatever is started on EC2 by an instant fleet. */
const rented = {
  region: z.string(),
  profile: z.string().optional(),
  /** `strata/ada`: project and stack, for tags. */
  stack: z.string(),
  spot: z.boolean(),
  /** In the order in which they are wanted on demand. */
  instances: z.array(
    z.strictObject({ type: z.string(), dollarsPerHour: z.number(), processors: z.number() }),
  ),
  subnets: z.array(z.string()).min(1),
  launchTemplate: z.string(),
  launchTemplateVersion: z.string(),
  /** ARN of the role that ends instances when their time is over. */
  schedulerRole: z.string(),
  /** Id of an AMI; absent: the newest of `amiParameter`. */
  ami: z.string().optional(),
  amiParameter: z.string(),
};

const aws = z.strictObject({
  kind: z.literal("aws"),
  ...rented,
  /** Where a login lies while a test runs. */
  loginParameter: z.string(),
});

/** What the command that runs an update gets to know of a builder on EC2, by the program that it runs. */
const awsBuilder = z.strictObject({ purpose: z.literal("builder"), ...rented });

const host = z.discriminatedUnion("kind", [builder, docker, ssh, aws]);

const test = z.strictObject({
  /** Tried in this order while one says nothing about the image. */
  hosts: z.array(host).min(1),
  /** What the image is for: a host with other cards, or an older driver, cannot test it. */
  computeCapabilities: z.array(z.string()),
  minimumDriver: z.string(),
  /** Bytes that the image's own workflows need; absent where a test runs none. */
  memory: z.strictObject({ gpu: z.number(), ram: z.number() }).optional(),
  budget: z.strictObject({ dollars: z.number(), minutes: z.number() }),
});

export type HostDescription = z.infer<typeof host>;
export type AwsDescription = z.infer<typeof aws>;
export type AwsBuilderDescription = z.infer<typeof awsBuilder>;
/** What starting an instance needs to know; a test says no purpose. */
export type RentedDescription = Omit<AwsDescription, "kind" | "loginParameter"> & {
  readonly purpose?: Purpose | undefined;
};
export type SshDescription = z.infer<typeof ssh>;
export type BuilderDescription = z.infer<typeof builder>;
export type DockerDescription = z.infer<typeof docker>;
export type TestDescription = z.infer<typeof test>;

/** What a stack's image is for, and what its test may take. */
export function testLimits(
  stack: { readonly generation: GenerationName; readonly cuda: CudaVersion; readonly budget: Budget },
  memory?: MemoryNeed,
): Omit<TestDescription, "hosts"> {
  return {
    computeCapabilities: [...generation(stack.generation).computeCapabilities],
    minimumDriver: minimumDriver(stack.generation, stack.cuda),
    ...(memory ? { memory } : {}),
    budget: stack.budget,
  };
}

/** Whether a test on this host is one on a GPU. */
export function needsGpu(host: HostDescription): boolean {
  return host.kind === "aws" || host.gpu === true;
}

/** Reads what a component told of a builder. */
export function parseAwsBuilder(value: unknown): AwsBuilderDescription {
  return parseWithSchema(awsBuilder, value, (keys) => ["builder", ...keys].join("."), "a builder on EC2");
}

/** Reads what a component wrote. */
export function parseTest(text: string): TestDescription {
  return parseWithSchema(test, JSON.parse(text), (keys) => ["STRATA_TEST", ...keys].join("."), "STRATA_TEST");
}
