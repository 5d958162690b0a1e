import { extname, join, relative } from "node:path";
import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";

/** The programs of `tools/steps/`: each has its component's file name. */
export type StepName =
  | "attestation"
  | "bulk-stage"
  | "joined-image"
  | "kept-evidence"
  | "kept-stages"
  | "product-copy"
  | "product-image"
  | "promotion"
  | "smoke-test";

export interface StepArgs {
  /** The program below `tools/steps/`. */
  readonly step: StepName;
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  /** It runs again when one of these changes; an update of the rest alone does not start it. */
  readonly triggers: readonly pulumi.Input<string>[];
  readonly stdin?: pulumi.Input<string>;
}

const steps = join(import.meta.dirname, "../tools/steps");
/** As this file is: TypeScript in a clone, compiled in a package. */
const ending = extname(import.meta.filename);

/**
 * A program of strata as a resource of Pulumi. What it says to people goes to stderr and is shown; stdout is its result.
 * Its path is relative, so that the state of a stack is the same on every machine.
 */
export function step(
  name: string,
  { step, environment, triggers, stdin }: StepArgs,
  options: pulumi.CustomResourceOptions,
): command.local.Command {
  return new command.local.Command(
    name,
    {
      create: `node ${relative(process.cwd(), join(steps, step + ending))}`,
      environment,
      ...(stdin === undefined ? {} : { stdin }),
      triggers: [...triggers],
      // No step reads what the last one said, and more than 128 KB of it would keep the next from starting.
      addPreviousOutputInEnv: false,
      logging: command.types.enums.local.Logging.Stderr,
    },
    options,
  );
}
