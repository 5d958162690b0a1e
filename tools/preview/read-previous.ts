import { UserError } from "../../errors.ts";
import { type Home, repository } from "../../home.ts";
import type { PreviousStack } from "../../lib/preview/preview-stack.ts";
import { noPreviousStack, outputsInState, previousFromOutputs } from "../../lib/preview/previous-stack.ts";
import { pulumiEnvironment } from "../program/environment.ts";
import { attempt, tail } from "../program/exec.ts";
import { readOptional, type Stack, statePath } from "../stack/stack.ts";

/** What a stack's last update left in our own file backend. */
export async function previousFromState(home: Home, project: string, name: string): Promise<PreviousStack> {
  const text = await readOptional(statePath(home, { project, name }));
  if (text === "") return noPreviousStack("the stack has not been updated yet");
  const state = parsed(text);
  return state === undefined
    ? noPreviousStack("its state cannot be read")
    : previousFromOutputs(outputsInState(state));
}

/** The same from any backend, by its own CLI. */
export async function previousFromBackend(stack: Stack): Promise<PreviousStack> {
  const { name, folder: cwd, environment: env, pulumi } = stack;
  const result = await attempt(pulumi, ["stack", "output", "--json", "--stack", name], { cwd, env });
  if (result.ok) return previousFromOutputs(parsed(result.stdout));
  if (/no stack named/i.test(result.all)) return noPreviousStack("the stack does not exist in its backend");
  throw new UserError(
    `stack ${name}`,
    `its outputs cannot be read:\n${tail(result.all, 10)}\n`,
    "Log in to the backend (`pulumi login`), or use --offline.",
  );
}

/** A stack and how to call the CLI on it, without anything being set up. */
export function stackNamed(home: Home, project: string, name: string, pulumi: string): Stack {
  return { name, folder: repository, project, pulumi, environment: pulumiEnvironment(home) };
}

/** undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
