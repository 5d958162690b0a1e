/** The stack files of this repository: one for each generation, each with what differs and nothing else. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { homeAt, repository } from "../../home.ts";
import { generation, generationNames } from "../../lib/gpu/generations.ts";
import { defaultRecipes } from "../../recipes/index.ts";
import { planStackIn } from "../../tools/stack/checkout-plan.ts";
import { temporaryFolder } from "./support/folder.ts";

const stacks = generationNames.filter((name) => name !== "cpu");

for (const stack of stacks) {
  test(`${stack}: says which generation it is for, and can be planned`, async (t) => {
    const file = parse(readFileSync(join(repository, `Pulumi.${stack}.yaml`), "utf8"));
    assert.deepEqual(Object.keys(file).sort(), ["config", "encryptionsalt"]);
    assert.deepEqual(file.config, { "strata:generation": stack });
    const { planned } = await planStackIn(repository, stack, homeAt(temporaryFolder(t)));
    const { computeCapabilities } = generation(stack);
    assert.equal(planned.platform.generation, stack);
    assert.equal(planned.platform.recipe, defaultRecipes[stack]);
    assert.deepEqual(planned.platform.computeCapabilities, computeCapabilities);
  });
}

test("no two stacks move the same tag", async (t) => {
  const home = homeAt(temporaryFolder(t));
  const plans = await Promise.all(["dev", ...stacks].map((stack) => planStackIn(repository, stack, home)));
  const tags = plans.flatMap(({ planned }) => planned.tags);
  assert.equal(new Set(tags).size, plans.length, tags.join(" "));
});
