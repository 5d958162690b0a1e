/** Small checkouts with files of their own: what is asked of another revision, and where its files may lie. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { previousFromPlan } from "../../../../lib/preview/previous-stack.ts";
import { openCheckout } from "../../../../tools/stack/checkout.ts";
import { planStackIn } from "../../../../tools/stack/checkout-plan.ts";
import { temporaryFolder } from "../../support/folder.ts";

const revision = "a".repeat(40);
const labels = `{ source: null, revision: "${revision}", created: "2026-01-01T00:00:00.000Z" }`;

/** A plan of one stage and the product. */
const planned = `
  plan: {
    recipe: "small",
    generation: settings.generation,
    stages: [{ name: "system", role: "system", key: "k1", inputs: { "file:layers/system/Dockerfile": "1" }, parents: [], files: [] }],
    product: { name: "small", role: "product", key: "k2", inputs: { "parent:system": "k1" }, parents: ["system"], files: [] },
  },
  base: { name: "b", reference: "b@sha256:1", python: "3.11" },
  checks: folders.localImages.endsWith("images.json") ? "the-checks" : "no folders",
`;

/** The settings that both layouts read: as the stack's file has them, and some of its own. */
const readConfig = `
export async function readConfig(raw) {
  const registry = { kind: "local", repository: "of-the-checkout" };
  return { generation: raw["strata:generation"], cuda: "12.8", tags: ["{recipe}-{generation}-{commit}"], registry };
}`;

const presentLayout = {
  "config.ts": readConfig,
  "recipes/stack-plan.ts": `
export function planStack(settings, folders) {
  const platform = { recipe: "small", generation: settings.generation, cuda: settings.cuda, computeCapabilities: ["8.9"], minimumDriver: "570.1" };
  return { ${planned} labels: ${labels}, tags: ["small-ada-aaaaaaaaaaaa"], platform };
}`,
};

/** As at 86b69a7, with what is read of each file. */
const formerLayout = {
  "config.ts": `${readConfig}
export function readProvenance(root, settings) {
  return root && settings.cuda === "12.8" ? ${labels} : {};
}`,
  "lib/stack-plan.ts": `
export function planStack(settings, labels, folders) {
  if (labels.revision !== "${revision}") throw new Error("no labels");
  return { ${planned} };
}`,
  "lib/tags.ts": `
export function expandTags(templates, { recipe, generation, commit }) {
  return templates.map((tag) => tag.replace("{recipe}", recipe).replace("{generation}", generation).replace("{commit}", commit.slice(0, 12)));
}`,
  "lib/generations.ts": `
export function generation(name) { return { name, computeCapabilities: name === "ada" ? ["8.9"] : [] }; }`,
  "lib/compatibility.ts": `
export function compatibilitySet(cuda) { return { minimumDriver: cuda === "12.8" ? "570.1" : "580.1" }; }`,
};

function checkoutOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder(t);
  const all = {
    ...files,
    "package.json": '{ "type": "module" }',
    "Pulumi.yaml": "name: small\n",
    "Pulumi.small.yaml": "config:\n  strata:generation: ada\n",
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

for (const [layout, files] of Object.entries({ present: presentLayout, former: formerLayout })) {
  test(`a checkout of the ${layout} layout is planned by its own code, and can be compared with`, async (t) => {
    const home = homeAt(temporaryFolder(t));
    const { planned: next, revision: commit } = await planStackIn(checkoutOf(t, files), "small", home);
    assert.equal(commit, revision);
    assert.deepEqual(next.tags, ["small-ada-aaaaaaaaaaaa"]);
    assert.equal(next.checks, "the-checks");
    assert.equal(next.repository, "127.0.0.1:5000/of-the-checkout");
    assert.deepEqual(next.limits, ["local"]);
    assert.deepEqual(next.platform, {
      recipe: "small",
      generation: "ada",
      cuda: "12.8",
      computeCapabilities: ["8.9"],
      minimumDriver: "570.1",
    });
    const { stages } = previousFromPlan(next, revision);
    assert.deepEqual(
      stages.map(({ name, role, key }) => `${name} ${role} ${key}`),
      ["system system k1", "small product k2"],
    );
  });
}

test("what a checkout's own code complains about is told as it is", async (t) => {
  const root = checkoutOf(t, {
    ...presentLayout,
    "recipes/stack-plan.ts": 'export function planStack() { throw new Error("no such lock"); }',
  });
  const { readConfig: read, planStack } = await openCheckout(root);
  const config = await read({}, {});
  assert.throws(() => planStack(config, { root, localImages: "none.json" }), /no such lock/);
});
