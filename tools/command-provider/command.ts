import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { holdsSecret, holdsUnknown, type Properties, reveal, secret } from "./values.ts";

/** The inputs of `command:local:Command` 1.2.1 that this provider serves; assets and archives are refused. */
const inputs = z.strictObject({
  create: z.string().optional(),
  update: z.string().optional(),
  delete: z.string().optional(),
  environment: z.record(z.string(), z.string()).optional(),
  dir: z.string().optional(),
  interpreter: z.array(z.string()).optional(),
  stdin: z.string().optional(),
  triggers: z.array(z.unknown()).optional(),
  logging: z.enum(["stdout", "stderr", "stdoutAndStderr", "none"]).optional(),
  addPreviousOutputInEnv: z.boolean().optional(),
});
export type CommandInputs = z.infer<typeof inputs>;

const inputNames = Object.keys(inputs.shape);
const unsupported = ["assetPaths", "archivePaths"];
const OFFICIAL = "Only the official plugin does that: pulumi plugin install resource command 1.2.1";

export interface InputFailure {
  readonly property: string;
  readonly reason: string;
}

/** What is wrong with the inputs of a resource of type `type`. Parts that are not known yet are taken as they are. */
export function checkInputs(type: string, news: Properties): InputFailure[] {
  if (type !== "command:local:Command") {
    return [
      { property: "", reason: `strata's stand-in for the command provider has no ${type}. ${OFFICIAL}` },
    ];
  }
  const refused = unsupported.filter((name) => news[name] !== undefined && news[name] !== null);
  if (refused.length > 0) {
    return refused.map((property) => ({
      property,
      reason: `is not served by strata's stand-in. ${OFFICIAL}`,
    }));
  }
  const resolvedInputs = Object.entries(news).filter(
    ([name, value]) => !name.startsWith("__") && !holdsUnknown(value),
  );
  const result = inputs.safeParse(reveal(withoutNulls(Object.fromEntries(resolvedInputs))));
  return (result.error?.issues ?? []).map(({ path, message }) => ({
    property: path.join("."),
    reason: message,
  }));
}

/** The inputs, with secrets opened, for running. */
export function readInputs(properties: Properties): CommandInputs {
  const inputEntries = Object.entries(properties).filter(([name]) => inputNames.includes(name));
  return inputs.parse(reveal(withoutNulls(Object.fromEntries(inputEntries))));
}

export interface Difference {
  readonly changes: boolean;
  /** The inputs whose change asks for a new resource. */
  readonly replaces: string[];
}

/**
 * What changes between the state and new inputs. A changed trigger replaces the resource, everything else updates
 * it; whether a value is secret makes no difference. The new resource is made before the old one is deleted, as the
 * official provider does it.
 */
export function diffInputs(olds: Properties, news: Properties): Difference {
  const changed = inputNames.filter((name) => !isSameInput(olds[name], news[name]));
  return { changes: changed.length > 0, replaces: changed.filter((name) => name === "triggers") };
}

function isSameInput(old: unknown, fresh: unknown): boolean {
  if (holdsUnknown(fresh)) return false;
  return isDeepStrictEqual(reveal(old) ?? undefined, reveal(fresh) ?? undefined);
}

/** The state after a run: the inputs as they came, and what the command wrote; secret if any input is. */
export function stateOf(news: Properties, output: { stdout: string; stderr: string }): Properties {
  const hide = holdsSecret(news) ? secret : (value: unknown) => value;
  return { ...news, stdout: hide(output.stdout), stderr: hide(output.stderr) };
}

/** Linux takes no longer string in an environment; execve would fail. */
const LONGEST_VARIABLE = 131_000;

/** The variables that a command of an existing resource finds its former output in. */
export function previousOutput(olds: Properties, isKept: boolean | undefined): Record<string, string> {
  if (isKept === false) return {};
  const variables = {
    PULUMI_COMMAND_STDOUT: reveal(olds.stdout),
    PULUMI_COMMAND_STDERR: reveal(olds.stderr),
  };
  const usable = Object.entries(variables).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === "string" && entry[1] !== "" && Buffer.byteLength(entry[1]) < LONGEST_VARIABLE,
  );
  return Object.fromEntries(usable);
}

function withoutNulls(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
}
