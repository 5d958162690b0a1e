import { UserError } from "../../errors.ts";
import { type Home, repository } from "../../home.ts";
import type { Known } from "../../lib/preview/preview-stack.ts";
import { knownByOutputs, outputsInState, unknownStack } from "../../lib/preview/previous-stack.ts";
import { pulumiEnvironment } from "../program/environment.ts";
import { attempt, tail } from "../program/exec.ts";
import { readOptional, type Stack, statePath } from "../stack/stack.ts";

/** What a stack's last update left in our own file backend. */
export async function knownInState(home: Home, project: string, name: string): Promise<Known> {
  const text = await readOptional(statePath(home, { project, name }));
  if (text === "") return unknownStack("the stack has not been updated yet");
  const state = parsed(text);
  return state === undefined
    ? unknownStack("its state cannot be read")
    : knownByOutputs(outputsInState(state));
}

/** The same from any backend, by its own CLI. */
export async function knownInBackend(stack: Stack): Promise<Known> {
  const { name, folder: cwd, environment: env, pulumi } = stack;
  const result = await attempt(pulumi, ["stack", "output", "--json", "--stack", name], { cwd, env });
  if (result.ok) return knownByOutputs(parsed(result.stdout));
  if (/no stack named/i.test(result.all)) return unknownStack("the stack does not exist in its backend");
  throw new UserError(
    `stack ${name}`,
    `its outputs cannot be read:\n${tail(result.all, 10)}\n`,
    "Log in to the backend (`pulumi login`), or use --offline.",
  );
}

/** A stack and how to call the CLI on it, without anything being set up. */
export function stackNamed(home: Home, project: string, name: string, pulumi: string): Stack {
  return { name, folder: repository, project, pulumi, environment: pulumiEnvironment(home, "buildkitd") };
}

/** undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
