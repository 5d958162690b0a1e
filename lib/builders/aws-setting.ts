import { z } from "zod";
import { UserError } from "../../errors.ts";
import { budgetProblems, dearest, expenseProblems, rentedShape } from "../machines/rented.ts";
import type { RegistrySetting } from "../registry/registry-setting.ts";
import { type BuilderInstance, instancesFitting, knownInstance, type Weighty } from "./aws-instances.ts";
import { isOwnHost, loopbackRegistry } from "./remote-setting.ts";

/** `{kind: aws}`: a builder that is started for the heavy stages of an update, and ends with the last of them. */
export const awsSetting = z.strictObject({
  kind: z.literal("aws"),
  ...rentedShape,
  /** Compilers that run at once: each needs a processor, and the memory that its layer declares. */
  compilers: z.int().min(1).max(192).default(96),
  /** GB of its volume: what stages are built on, unpacked, and what compilers write. */
  diskGb: z.int().min(50).max(4_000).default(250),
  /** Minutes after which it ends, whatever it is doing. */
  minutes: z.int().min(10).max(600).default(120),
  /** Seconds without an answer after which it is taken for gone. */
  patience: z.int().min(2).max(40).default(30),
});

export type AwsBuilderSetting = z.output<typeof awsSetting>;

/**
 * Minutes that a builder is there where none was measured: two to start, FlashAttention 3 with 112 processors 15
 * (Dao-AILab/flash-attention#1486), and what it is built on has to be pulled.
 */
export const ESTIMATED_BUILDER_MINUTES = 30;

/** The instance types that a builder may be, in the order in which they are wanted, at this stack's prices. */
export function builderInstances(setting: AwsBuilderSetting, stages: readonly Weighty[]): BuilderInstance[] {
  const { instances, compilers, prices } = setting;
  const named = instances?.flatMap((type) => knownInstance(type) ?? []);
  return (named ?? instancesFitting(compilers, stages)).map((instance) => ({
    ...instance,
    dollarsPerHour: prices[instance.type] ?? instance.dollarsPerHour,
  }));
}

/** What speaks against a place and a registry, whatever is built. */
export function awsProblems(path: string, registry: RegistrySetting): UserError[] {
  const misplaced =
    path === "strata:builders.heavy"
      ? []
      : [
          new UserError(
            path,
            "is an instance that is started for heavy stages and ends with the last of them: it cannot build all of them.",
            "Say it in strata:builders.heavy, and leave the others where they are.",
          ),
        ];
  if (registry.kind !== "oci" || !isOwnHost(registry.address)) return misplaced;
  return [...misplaced, loopbackRegistry(path, registry.address, "an instance on EC2")];
}

/** What speaks against a builder on EC2 with such stages, before anything is started. */
export function rentProblems(
  path: string,
  setting: AwsBuilderSetting,
  budget: { readonly dollars: number },
  stages: readonly Weighty[] = [],
): UserError[] {
  const unknown = (setting.instances ?? []).filter((type) => knownInstance(type) === undefined);
  if (unknown.length > 0) {
    return unknown.map(
      (type) =>
        new UserError(
          `${path}.instances`,
          `${type} is not known as one to build on.`,
          "Use sizes from 4xlarge of m6i, m6a, m7i, m7a, r6i, r6a, r7i, r7a and r8i (docs/builders.md#aws).",
        ),
    );
  }
  const instances = builderInstances(setting, stages);
  if (instances.length === 0) {
    return [
      new UserError(
        `${path}.compilers`,
        `no instance type runs ${setting.compilers} compilers of the stack's heavy stages at once.`,
        `Lower it, or name ${path}.instances.`,
      ),
    ];
  }
  const instead = `lower ${path}.compilers`;
  return instances.flatMap((instance) => {
    const { type, dollarsPerHour } = instance;
    const expected = { dollarsPerHour, minutes: ESTIMATED_BUILDER_MINUTES };
    return [
      ...expenseProblems(path, instance, setting.allowExpensive, instead),
      ...budgetProblems(path, `heavy stages on ${type} take`, expected, budget, instead),
    ];
  });
}

/** Milliseconds that a builder may be there: the setting's minutes, and no more than the budget pays for. */
export function longestRent(
  {
    minutes,
    instances,
  }: { readonly minutes: number; readonly instances: readonly Pick<BuilderInstance, "dollarsPerHour">[] },
  dollars: number,
): number {
  const price = dearest(instances) ?? 0;
  return Math.min(minutes, (dollars / price) * 60) * 60_000;
}
