import { z } from "zod";

/** What hosts and builders on EC2 have in common: what a stack says of instances that are rented for a moment. */

/** Above this many dollars an hour a machine is only started after an explicit yes. */
export const EXPENSIVE_DOLLARS_PER_HOUR = 20;

/** Settings of whatever is started on EC2. */
export const rentedShape = {
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "expected a region such as us-east-1"),
  /** Of the credentials, as `AWS_PROFILE` has it. */
  profile: z.string().min(1).optional(),
  /** Whether spot instances are tried first. */
  spot: z.boolean().default(true),
  /** Instance types to ask for, in this order. */
  instances: z.array(z.string()).min(1).optional(),
  allowExpensive: z.boolean().default(false),
  /** Prices an hour that differ from those of us-east-1, by instance type. */
  prices: z.record(z.string(), z.number().positive()).default({}),
  /** Subnets with a way out, one a zone. Default: all of the region's default VPC. */
  subnets: z.array(z.string().regex(/^subnet-[0-9a-f]+$/, "expected such as subnet-0a1b2c3d")).optional(),
  /** An AMI of one's own. */
  ami: z
    .string()
    .regex(/^ami-[0-9a-f]+$/, "expected such as ami-0a1b2c3d")
    .optional(),
};

/** One request asks for several types, and any may be what is had. @returns null where there is none */
export function dearest(instances: readonly { readonly dollarsPerHour: number }[]): number | null {
  return instances.length === 0 ? null : Math.max(...instances.map(({ dollarsPerHour }) => dollarsPerHour));
}
