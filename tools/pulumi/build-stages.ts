import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import type { Home } from "../../home.ts";
import { withParents } from "../../lib/plan/partial-update.ts";
import type { Plan, Stage } from "../../lib/plan/plan.ts";
import { imageExists } from "../../oci/client.ts";
import { writeJson } from "../program/files.ts";
import { outputsOf, stageReference } from "../stack/outputs.ts";
import type { Stack } from "../stack/stack.ts";
import { runPulumi } from "./update.ts";

/**
 * Builds the stages `names` and what they are built from, and nothing else: no product, no test, no tag. The program
 * is the whole one, as what it does not register would count as removed; the update is targeted at these stages, and
 * the stack keeps all else as it is. Its outputs it would not keep, so the program gets them.
 *
 * @returns Pulumi's exit code
 */
export async function buildStages(
  home: Home,
  stack: Stack,
  plan: Plan,
  names: readonly string[],
): Promise<number> {
  const stages = withParents(plan, names).map(({ name }) => name);
  const file = join(home.run, `${stack.name}-part.json`);
  await writeJson(file, { stages, outputs: await outputsOf(stack) });
  try {
    const targets = targetsOf(stack, plan, stages).flatMap((urn) => ["--target", urn]);
    return await runPulumi(home, { ...stack, environment: { ...stack.environment, STRATA_PART: file } }, [
      "up",
      "--yes",
      "--skip-preview",
      "--refresh=false",
      ...targets,
    ]);
  } finally {
    await rm(file, { force: true });
  }
}

/** Builds those of `stages` whose images are not in the registry; returns 0, or Pulumi's exit code. */
export async function ensureBuilt(
  home: Home,
  stack: Stack,
  { plan, config }: { readonly plan: Plan; readonly config: Config },
  stages: readonly Stage[],
): Promise<number> {
  const known = await Promise.all(stages.map((stage) => imageExists(stageReference(home, config, stage))));
  const missing = stages.filter((_, index) => !known[index]).map(({ name }) => name);
  return missing.length === 0 ? 0 : await buildStages(home, stack, plan, missing);
}

/** The URNs of what belongs to a part; the registry's type says which kind it is. */
export function targetsOf(
  { name, project }: Pick<Stack, "name" | "project">,
  plan: Pick<Plan, "recipe"> & { readonly stages: readonly Pick<Stage, "name" | "bulk">[] },
  stages: readonly string[],
): string[] {
  const prefix = `urn:pulumi:${name}::${project}::`;
  const { recipe } = plan;
  const image = "strata:index:LayeredImage";
  const isBulk = (part: string) => plan.stages.some((stage) => stage.name === part && stage.bulk);
  return [
    `${prefix}**::registry`,
    `${prefix}${image}::${recipe}`,
    ...stages.flatMap((part) => {
      const [stage, work] = isBulk(part)
        ? ["strata:index:BulkStage", "command:local:Command"]
        : ["strata:index:ImageStage", "docker-build:index:Image"];
      return [
        `${prefix}${image}$${stage}::${recipe}-${part}`,
        `${prefix}${image}$${stage}$${work}::${recipe}-${part}`,
      ];
    }),
  ];
}
