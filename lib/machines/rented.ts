import { z } from "zod";
import { UserError } from "../../errors.ts";

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

/** A type that is dear, and that nobody has said yes to. @param instead what else is a remedy */
export function expenseProblems(
  path: string,
  { type, dollarsPerHour }: { readonly type: string; readonly dollarsPerHour: number },
  allowExpensive: boolean,
  instead: string,
): UserError[] {
  if (dollarsPerHour <= EXPENSIVE_DOLLARS_PER_HOUR || allowExpensive) return [];
  return [
    new UserError(
      path,
      `${type} costs $${dollarsPerHour.toFixed(2)} an hour, and nobody has said yes to that.`,
      `Set ${path}.allowExpensive to true, or ${instead}.`,
    ),
  ];
}

/** What is expected to cost more than the budget. @param work with its verb, such as `a test on g6.xlarge takes` */
export function budgetProblems(
  path: string,
  work: string,
  { dollarsPerHour, minutes }: { readonly dollarsPerHour: number; readonly minutes: number },
  budget: { readonly dollars: number },
  instead: string,
): UserError[] {
  const expected = (dollarsPerHour * minutes) / 60;
  if (expected <= budget.dollars) return [];
  return [
    new UserError(
      path,
      `${work} about ${minutes} minutes, $${expected.toFixed(2)}; the budget is $${budget.dollars.toFixed(2)}.`,
      `Raise strata:budget.dollars, or ${instead}.`,
    ),
  ];
}
