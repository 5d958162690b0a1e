import type { Config } from "../../config.ts";
import { throwAll } from "../../errors.ts";
import { imageRepository } from "../../lib/registry/registry-setting.ts";
import { type StackTags, sharedTags } from "../../lib/registry/shared-tags.ts";
import { expandTags } from "../../lib/registry/tags.ts";
import { stackConfig } from "./checkout-plan.ts";
import { namedStacks } from "./stack.ts";

/**
 * Throws where a stack moves a tag that another stack file of the checkout moves as well. Files count as they are: what
 * the environment chooses for one run (STRATA_GENERATION) is somebody's explicit wish.
 */
export async function refuseSharedTags(root: string, stack: string): Promise<void> {
  const others = namedStacks(root).filter((name) => name !== stack);
  // A file that is wrong is told of by its own stack.
  const all = await Promise.all([stack, ...others].map((name) => tagsOf(root, name).catch(() => undefined)));
  const [own, ...rest] = all;
  if (!own) return;
  throwAll(
    "Pulumi stack configuration",
    sharedTags(
      own,
      rest.filter((each) => each !== undefined),
    ),
  );
}

async function tagsOf(root: string, stack: string): Promise<StackTags> {
  const { registry, copies, tags, selected, generation }: Config = await stackConfig(root, stack, {});
  const values = { recipe: selected.recipe.name, generation, commit: "{commit}" };
  const repositories = [registry, ...copies].map((setting) => imageRepository(setting, "local"));
  const names = expandTags(tags, values);
  return { stack, places: repositories.flatMap((repository) => names.map((tag) => `${repository}:${tag}`)) };
}
