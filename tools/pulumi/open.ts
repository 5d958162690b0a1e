import { join } from "node:path";
import { completeDefaults } from "../../config.ts";
import { findRecipe } from "../../recipes/index.ts";
import { type Home, repository } from "../home.ts";
import { stackConfig } from "../preview/planned.ts";
import { prepareRegistries } from "../registries.ts";
import { setUp } from "../setup.ts";
import { recover } from "./recover.ts";
import { ensureStack, plainSetting, projectName, readOptional, type Stack } from "./stack.ts";

/** Sets everything up that the stack `name` needs, and makes sure that it can be worked on. */
export async function openStack(home: Home, name: string): Promise<Stack> {
  const project = await readOptional(join(repository, "Pulumi.yaml"));
  const settings = await readOptional(join(repository, `Pulumi.${name}.yaml`));
  const recipe = process.env.STRATA_RECIPE || plainSetting("strata:recipe", settings, project) || "starter";
  const base =
    plainSetting("strata:base", settings, project) ??
    completeDefaults((await findRecipe(recipe)).recipe).base;
  // The builder has to trust registries before it starts; one that is told of later would start it anew.
  await prepareRegistries(home, await stackConfig(repository, name));
  const { tools, environment } = await setUp(home, base);
  if (!tools.pulumi) throw new Error("pulumi is not resolved");
  const stack: Stack = {
    name,
    folder: repository,
    project: projectName(project),
    pulumi: tools.pulumi.path,
    environment,
  };
  await recover(home, stack);
  await ensureStack(home, stack);
  return stack;
}
