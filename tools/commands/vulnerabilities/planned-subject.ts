import { type Home, projectFolder } from "../../../home.ts";
import { type BilledPart, partsOfPlan } from "../../../lib/vulnerabilities/bill-parts.ts";
import { namedStackConfig, planStackIn } from "../../stack/checkout-plan.ts";

/** What is asked about. */
export interface Subject {
  readonly name: string;
  readonly parts: readonly BilledPart[];
  /** What is to be told of it. */
  readonly notes: readonly string[];
}

/** A stack's product as its plan has it. */
export async function plannedSubject(home: Home, stack: string): Promise<Subject> {
  // A plan of a stack without a file would be one of the defaults.
  await namedStackConfig(projectFolder, stack);
  const { planned } = await planStackIn(projectFolder, stack, home);
  return {
    name: `the plan of ${stack}`,
    parts: partsOfPlan(planned.plan),
    notes: ["packages that the base image brings are in no plan: ask about the product when it is built"],
  };
}
