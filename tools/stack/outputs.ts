import type { Config } from "../../config.ts";
import { UserError } from "../../errors.ts";
import { type Home, projectFolder, repository } from "../../home.ts";
import type { PlanEntry } from "../../lib/plan/plan.ts";
import { registryAddress } from "../../lib/registry/access.ts";
import { imageRepository } from "../../lib/registry/registry-setting.ts";
import { stageTag } from "../../lib/registry/tags.ts";
import { type RecordedStack, recordedStack } from "../../lib/state/recorded-stack.ts";
import { planStack, type StackPlan } from "../../recipes/stack-plan.ts";
import { usesFileBackend } from "../program/environment.ts";
import { attempt, tail } from "../program/exec.ts";
import { stackConfig } from "./checkout-plan.ts";
import { readOptional, type Stack, statePath } from "./stack.ts";

/** What this checkout makes of the stack's configuration, as the program itself would. */
export async function plannedStack(
  home: Home,
  { name }: Pick<Stack, "name">,
): Promise<StackPlan & { config: Config }> {
  const config = await stackConfig(projectFolder, name);
  const folders = { root: repository, localImages: home.images, localPackages: home.packages };
  return { config, ...planStack(config, folders) };
}

/** A state as it could be read, or why there is none. */
export type ReadState = { readonly state: unknown } | { readonly missing: string };

/**
 * A stack's state: our own file as it is, another backend's by its own CLI. No secret in it is decrypted, so neither
 * asks for a passphrase.
 */
export async function readState(home: Home, stack: Stack): Promise<ReadState> {
  return usesFileBackend() ? await readOwnState(home, stack) : await exportState(stack);
}

/** A stack's state as the backend gives it. */
export async function exportState({
  name,
  folder: cwd,
  environment: env,
  pulumi,
}: Stack): Promise<ReadState> {
  const result = await attempt(pulumi, ["stack", "export", "--stack", name], { cwd, env });
  if (result.ok) return parsedState(result.stdout);
  if (/no stack named/i.test(result.all)) return { missing: "the stack does not exist in its backend" };
  throw new UserError(
    `stack ${name}`,
    `its state cannot be read:\n${tail(result.all, 10)}\n`,
    "Log in to the backend (`pulumi login`), or use --offline.",
  );
}

/** A stack's state in our own file backend. */
export async function readOwnState(home: Home, stack: Pick<Stack, "project" | "name">): Promise<ReadState> {
  const text = await readOptional(statePath(home, stack));
  return text === "" ? { missing: "the stack has not been updated yet" } : parsedState(text);
}

/** What the stack's state says of its image. @param recipe whose image. @default the stack's own */
export async function recordOf(home: Home, stack: Stack, recipe?: string): Promise<RecordedStack> {
  const read = await readState(home, stack);
  return "state" in read ? recordedStack(read.state, recipe) : {};
}

/** Where a stage's image is once it is built. */
export function stageReference(home: Home, { registry }: Config, stage: PlanEntry): string {
  return `${imageRepository(registry, registryAddress(home.services))}:${stageTag(stage)}`;
}

function parsedState(text: string): ReadState {
  try {
    return { state: JSON.parse(text) };
  } catch {
    return { missing: "its state cannot be read" };
  }
}
