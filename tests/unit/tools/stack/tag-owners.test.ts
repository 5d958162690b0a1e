/** Two stack files that name one tag of one repository: whichever was updated last had it. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { refuseSharedTags } from "../../../../tools/stack/tag-owners.ts";
import { layersFolder } from "../../../support/layers.ts";

const ghcr = "{ kind: ghcr, owner: acme, repository: strata }";

/** A checkout with these stacks; the settings are lines of YAML without `strata:`. */
function checkout(t: TestContext, stacks: Readonly<Record<string, readonly string[]>>): string {
  const files = Object.entries(stacks).map(([name, settings]) => [
    `Pulumi.${name}.yaml`,
    settings.length === 0 ? "" : ["config:", ...settings.map((line) => `  strata:${line}`)].join("\n"),
  ]);
  return layersFolder(t, { "Pulumi.yaml": "name: strata\n", ...Object.fromEntries(files) });
}

for (const recipe of ["studio", "megapak", "starter", "wan22"]) {
  test(`${recipe}: stacks of several generations share a repository and no tag`, async (t) => {
    const folder = checkout(t, {
      ada: ["generation: ada", `recipe: ${recipe}`, `registry: ${ghcr}`],
      hopper: ["generation: hopper", `recipe: ${recipe}`, `registry: ${ghcr}`],
      other: ["generation: ada", "recipe: starter", 'tags: ["other"]', `registry: ${ghcr}`],
    });
    await refuseSharedTags(folder, "ada");
    await refuseSharedTags(folder, "hopper");
  });
}

test("one tag in one repository is an error for both, and names both files and the tag", async (t) => {
  const stack = (name: string) => [
    `generation: ${name}`,
    `registry: ${ghcr}`,
    'tags: ["latest", "{generation}"]',
  ];
  const folder = checkout(t, { ada: stack("ada"), hopper: stack("hopper"), dev: [] });
  const told = (own: string, other: string) =>
    `strata:tags: ghcr.io/acme/strata:latest is a tag of Pulumi.${own}.yaml and of Pulumi.${other}.yaml. Set strata:tags in one of them, with {generation} for instance, or another strata:registry.repository.`;
  await assert.rejects(refuseSharedTags(folder, "ada"), { message: told("ada", "hopper") });
  await assert.rejects(refuseSharedTags(folder, "hopper"), { message: told("hopper", "ada") });
  await refuseSharedTags(folder, "dev");
});

test("a commit's tag is shared as well, and so is one in a copy", async (t) => {
  const tags = 'tags: ["sha-{commit}"]';
  const local = "registry: { kind: local, repository: strata }";
  const folder = checkout(t, {
    ada: ["generation: ada", `registry: ${ghcr}`, tags],
    hopper: ["generation: hopper", local, `copies: [${ghcr}]`, tags],
    dev: [local, 'tags: ["dev"]'],
  });
  await assert.rejects(refuseSharedTags(folder, "ada"), /ghcr\.io\/acme\/strata:sha-\{commit\} is a tag of /);
  await refuseSharedTags(folder, "dev");
});

test("other repositories, a file that is wrong, and a choice for one run are no conflict", async (t) => {
  const before = process.env.STRATA_GENERATION;
  process.env.STRATA_GENERATION = "ada";
  t.after(() => {
    if (before === undefined) delete process.env.STRATA_GENERATION;
    else process.env.STRATA_GENERATION = before;
  });
  const folder = checkout(t, {
    dev: [],
    ada: ["generation: ada"],
    wrong: ["generation: mars"],
    elsewhere: ["registry: { kind: local, repository: elsewhere }"],
  });
  for (const stack of ["dev", "ada", "wrong", "elsewhere"]) await refuseSharedTags(folder, stack);
});
