import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { type Home, isPackage, projectFolder } from "../../home.ts";
import { didYouMean } from "../../lib/schema-errors.ts";
import { usesFileBackend } from "../program/environment.ts";
import { attempt, tail } from "../program/exec.ts";
import type { RentOffice } from "../rented/rent-office.ts";
import type { Ways } from "../ways/ways.ts";

/** A stack and how to call the CLI on it. */
export interface Stack {
  readonly name: string;
  /** The folder of Pulumi.yaml. */
  readonly folder: string;
  readonly project: string;
  /** The CLI's program. */
  readonly pulumi: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Its builders, where they are watched. */
  readonly ways?: Ways;
  /** Who starts the builder of its heavy stages, where that is rented and needed. */
  readonly office?: RentOffice | undefined;
}

/** The project's name, out of the text of Pulumi.yaml. */
export function projectName(yaml: string): string {
  const name = /^name:\s*["']?([\w.-]+)/m.exec(yaml)?.[1];
  if (name) return name;
  throw new UserError(
    join(projectFolder, "Pulumi.yaml"),
    yaml === "" ? "is missing or empty." : "has no name.",
    isPackage
      ? "Go to the folder of your project, or begin one: docs/package.md."
      : "Restore it: git checkout Pulumi.yaml",
  );
}

/** The name of this clone's project, or of the project that uses strata as a package. */
export async function ownProject(): Promise<string> {
  return projectName(await readOptional(join(projectFolder, "Pulumi.yaml")));
}

/** Where a stack's state is in our file backend. */
export function statePath(home: Home, { project, name }: Pick<Stack, "project" | "name">): string {
  return join(home.state, ".pulumi", "stacks", project, `${name}.json`);
}

/** Stacks that have a file in the clone. */
export function namedStacks(folder = projectFolder): string[] {
  return readdirSync(folder)
    .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .sort();
}

/**
 * Throws where there is neither a file nor a state of the stack: it would be made with nothing but defaults. What
 * another backend has is not known here.
 */
export function requireKnownStack(home: Home, project: string, name: string, folder = projectFolder): void {
  const existing = namedStacks(folder);
  if (existing.includes(name) || existsSync(statePath(home, { project, name }))) return;
  throw new UserError(
    `stack ${name}`,
    `there is no Pulumi.${name}.yaml.`,
    didYouMean(name, existing) || `Use one of ${existing.join(", ")}, or make that file: it may be empty.`,
  );
}

/** Makes sure that the stack exists in its backend. In our own, a look at its file spares a call. */
export async function ensureStack(home: Home, stack: Stack): Promise<void> {
  if (usesFileBackend() && existsSync(statePath(home, stack))) return;
  const result = await attempt(
    stack.pulumi,
    ["stack", "init", stack.name, "--no-select", "--non-interactive"],
    {
      cwd: stack.folder,
      env: stack.environment,
    },
  );
  if (result.ok || /already exists/.test(result.all)) return;
  throw new UserError(
    `stack ${stack.name}`,
    `cannot be made:\n${tail(result.all, 10)}\n`,
    /currently locked|unexpected end of JSON/.test(result.all)
      ? `A lock is in the way. Once no update runs: pulumi cancel --stack ${stack.name}`
      : "Check PULUMI_BACKEND_URL and the login to that backend (`pulumi login`).",
  );
}

/** Reads a text that may be missing. */
export async function readOptional(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => "");
}
