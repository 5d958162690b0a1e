import { randomBytes } from "node:crypto";
import type { Provider } from "@pulumi/pulumi/provider/index.js";
import { checkInputs, diffInputs, previousOutput, readInputs, stateOf } from "./command.ts";
import { cancelAll, runCommand } from "./run-command.ts";
import { type Properties, reveal } from "./values.ts";

/** Sends a line that comes and goes with the resource's progress. */
export type Log = (urn: string, line: string) => void;

/**
 * The provider for `command:local:Command` where the official plugin cannot be had. It keeps to that plugin's schema
 * and state, so that either may take over from the other.
 */
export function commandProvider(log: Log): Provider {
  const run = (urn: string, command: string | undefined, news: Properties, olds: Properties) => {
    const former = { stdout: textOf(olds.stdout), stderr: textOf(olds.stderr) };
    if (command === undefined) return Promise.resolve(former);
    const inputs = readInputs(news);
    const variables = previousOutput(olds, inputs.addPreviousOutputInEnv);
    return runCommand(command, inputs, variables, (line) => log(urn, line));
  };
  return {
    version: "1.2.1",
    check: async (urn, _olds: Properties, news: Properties) => ({
      inputs: news,
      failures: checkInputs(typeOf(urn), news),
    }),
    diff: async (_id, _urn, olds: Properties, news: Properties) => diffInputs(olds, news),
    create: async (urn, news: Properties) => {
      const output = await run(urn, readInputs(news).create, news, {});
      return { id: `${nameOf(urn)}${randomBytes(4).toString("hex")}`, outs: stateOf(news, output) };
    },
    update: async (_id, urn, olds: Properties, news: Properties) => {
      const inputs = readInputs(news);
      const output = await run(urn, inputs.update ?? inputs.create, news, olds);
      return { outs: stateOf(news, output) };
    },
    delete: async (_id, urn, state: Properties) => {
      await run(urn, readInputs(state).delete, state, state);
    },
    invoke: async (token) => {
      throw new Error(
        `strata's stand-in for the command provider has no ${token}; install the official plugin`,
      );
    },
    cancel: () => cancelAll(),
  };
}

function textOf(value: unknown): string {
  const text = reveal(value);
  return typeof text === "string" ? text : "";
}

/** `command:local:Command` of `urn:pulumi:dev::project::parent$command:local:Command::name`. */
function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
