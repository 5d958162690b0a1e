import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { execa } from "execa";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import type { EngineAnswer } from "../../lib/preview/preview-schema.ts";
import { listed } from "../../lib/preview/words.ts";
import { dockerConfigFolder } from "../../oci/access/credentials.ts";
import { usesFileBackend } from "../program/environment.ts";
import { tail } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { checkDockerConfig } from "../setup/docker-config.ts";
import { passphraseRemedy, requirePassphrase } from "../stack/passphrase.ts";
import { type Stack, statePath } from "../stack/stack.ts";
import { ensureTools, neededTools } from "../toolchain/toolchain.ts";
import { stackNamed } from "./read-previous.ts";

/** What is read of `pulumi preview --json`; the rest is the whole state. */
const answerSchema = z.object({
  steps: z.array(z.object({ op: z.string(), urn: z.string() })).default([]),
  changeSummary: z.record(z.string(), z.number()).default({}),
});

/** What the engine answered, or how it failed. */
export type EngineResult =
  | { readonly answer: EngineAnswer; readonly problem?: never }
  | { readonly answer?: never; readonly problem: string };

/** The Pulumi CLI with its plugins, as `make up` resolves them; no service is started. */
export async function findPulumi(home: Home): Promise<string> {
  await mkdir(home.state, { recursive: true });
  const { pulumi } = await ensureTools(home, neededTools.docker, true);
  if (!pulumi) throw new Error("pulumi is not resolved");
  return pulumi.path;
}

/**
 * Asks about several stacks side by side. One that the backend does not have yet has no answer: everything of it is
 * new, and a preview does not make it.
 */
export async function askEngines(
  home: Home,
  project: string,
  names: readonly string[],
): Promise<Map<string, EngineResult>> {
  const pulumi = await findPulumi(home);
  const stacks = names
    .map((name) => stackNamed(home, project, name, pulumi))
    .filter((stack) => !usesFileBackend() || existsSync(statePath(home, stack)));
  const answers = await withProgress(`Asking Pulumi about ${listed(names, 6)}`, () =>
    Promise.all(stacks.map(async (stack) => [stack.name, await askWithPassphrase(stack)] as const)),
  );
  return new Map(answers.flatMap(([name, answer]) => (answer ? [[name, answer] as const] : [])));
}

/** The engine decrypts what it compares. */
async function askWithPassphrase(stack: Stack): Promise<EngineResult | undefined> {
  try {
    await requirePassphrase(stack);
  } catch (error) {
    if (error instanceof UserError) return { problem: `  ${error.message}` };
    throw error;
  }
  return await askEngine(stack);
}

/** What Pulumi's engine says to a stack. It needs no builder: nothing is built in a preview. */
export async function askEngine(stack: Stack): Promise<EngineResult | undefined> {
  const { exitCode, stdout, stderr } = await execa(
    stack.pulumi,
    ["preview", "--json", "--refresh=false", "--non-interactive", "--stack", stack.name],
    { cwd: stack.folder, env: { ...stack.environment }, stdin: "ignore", reject: false },
  );
  if (/no stack named/i.test(stderr)) return undefined;
  if (exitCode !== 0) {
    const remedy = passphraseRemedy(stderr, stack.name);
    const problem = tail([stderr || errorsIn(stdout) || stdout, remedy].join("\n"), 20);
    // The plugin that builds reads it in a preview as well, and only says that something cannot be run.
    const cause = await checkDockerConfig(dockerConfigFolder()).then(() => "", messageOf);
    return { problem: cause ? `${problem}\n  ${cause}` : problem };
  }
  const { changeSummary, steps } = answerSchema.parse(JSON.parse(stdout));
  return { answer: { counts: changeSummary, images: imagesIn(steps) } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const makers = [
  "docker-build:index:Image::",
  "strata:index:ProductImage$command:local:Command::",
  "strata:index:BulkStage$command:local:Command::",
];

/** The images among the engine's steps. The command of a bulk stage that is only updated finds it in the registry. */
export function imagesIn(
  steps: readonly { readonly op: string; readonly urn: string }[],
): EngineAnswer["images"] {
  const isBulk = (urn: string) => urn.includes("strata:index:BulkStage$");
  return steps
    .filter(({ op, urn }) => op !== "same" && (op !== "update" || !isBulk(urn)))
    .filter(({ urn }) => makers.some((maker) => urn.includes(maker)))
    .map(({ op, urn }) => ({ name: urn.split("::").at(-1) ?? urn, op }));
}

const diagnostics = z.object({
  diagnostics: z
    .array(z.object({ message: z.string().default(""), severity: z.string().default("") }))
    .default([]),
});

/** A failed preview tells its errors among the rest of its JSON. */
function errorsIn(stdout: string): string {
  try {
    return diagnostics
      .parse(JSON.parse(stdout))
      .diagnostics.filter(({ severity }) => severity === "error")
      .map(({ message }) => message)
      .join("\n");
  } catch {
    return "";
  }
}
