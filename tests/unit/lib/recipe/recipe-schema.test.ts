import assert from "node:assert/strict";
import { test } from "node:test";
import { joinResolutions } from "../../../../lib/recipe/recipe.ts";
import { recipeSchema } from "../../../../lib/recipe/recipe-schema.ts";

const call = () => [];
const system = { name: "system", summary: "s", parents: call };
const recipe = {
  name: "mine",
  summary: "s",
  layers: [system],
  buildLayers: [],
  licences: "MIT",
  sizeBudget: "6.5 GB",
  runtime: call,
};
const accepts = (more: object) => recipeSchema.safeParse({ ...recipe, ...more }).success;

test("a recipe's own words, to the letter", () => {
  const cases: readonly (readonly [string, readonly unknown[], readonly unknown[]])[] = [
    ["name", ["a", "a-1"], ["", "A", "1a", "a_b", "xA", "a b"]],
    [
      "sizeBudget",
      ["1GB", "10.25 MiB", "5 B", "3 gb"],
      ["", "GB", "x1 GB", "1 GBs", "1.GB", "1  GB", "1 PB"],
    ],
    ["layers", [[system, { ...system, name: "b" }]], [[], undefined]],
    ["licences", ["MIT"], ["", undefined]],
    ["runtime", [call], [{}, undefined]],
    ["extends", ["megapak", undefined], [""]],
    ["more", [], [1]],
    [
      "defaults",
      [{ python: "3.12", cuda: "12.8", attention: ["triton"], tags: ["a"] }],
      [{ python: "3.9" }, { cuda: "11" }, { attention: ["x"] }, { tags: [""] }, { base: "" }, { more: 1 }],
    ],
    [
      "comfyui",
      [{ source: { repository: "r", ref: "v1" }, groups: [] }],
      [
        { source: {}, groups: [] },
        { source: { repository: "r", more: 1 }, groups: [] },
        { source: { repository: "r" }, groups: [], more: 1 },
        { source: { repository: "r" }, groups: [{ name: "G", summary: "s", nodes: [] }] },
        { source: { repository: "r" }, groups: [{ name: "g", summary: "s", nodes: [], more: 1 }] },
      ],
    ],
    [
      "resolution",
      [
        {
          additional: [{ requirement: "a", reason: "r" }],
          aliases: { a: { of: "b", reason: "r" } },
          gitPackages: { p: { repository: "r", requires: ["a"] } },
        },
      ],
      [
        { additional: [{ requirement: "a" }] },
        { additional: [{ requirement: "a", reason: "r", more: 1 }] },
        { aliases: { a: { of: "b" } } },
        { aliases: { a: { of: "b", reason: "r", more: 1 } } },
        { gitPackages: { p: { repository: "r" } } },
        { gitPackages: { p: { repository: "r", requires: [], more: 1 } } },
        { more: 1 },
      ],
    ],
  ];
  for (const [key, right, wrong] of cases) {
    for (const value of right) assert.ok(accepts({ [key]: value }), `${key} ${JSON.stringify(value)}`);
    for (const value of wrong) assert.ok(!accepts({ [key]: value }), `${key} ${JSON.stringify(value)}`);
  }
});

test("a layer's and a node's", () => {
  const layer = (more: object) => accepts({ layers: [{ ...system, ...more }] });
  for (const key of ["dockerfile", "args", "pins", "python", "included", "generated", "listed", "owns"]) {
    assert.ok(layer({ [key]: call }), key);
    assert.ok(!layer({ [key]: "text" }), key);
  }
  assert.ok(layer({ role: "build", root: "/a", folder: "f", shared: ["a"], bulk: true, cachesSteps: true }));
  for (const wrong of [
    { role: "x" },
    { root: "a/b" },
    { folder: "" },
    { shared: [""] },
    { bulk: 1 },
    { more: 1 },
  ])
    assert.ok(!layer(wrong), JSON.stringify(wrong));
  const node = (more: object) =>
    accepts({
      comfyui: {
        source: { repository: "r" },
        groups: [{ name: "g", summary: "s", nodes: [{ repository: "r", ...more }] }],
      },
    });
  const fetches = [{ url: "u", sha256: "s", path: "p" }];
  assert.ok(
    node({
      ...{ ref: "v1", folder: "f", requirements: [], replace: { a: { use: [], reason: "r" } } },
      ...{ omit: { a: "r" }, install: { reason: "r", fetches }, knownFailure: "k", needsGpu: "g" },
      ...{ pointers: "p", disabled: "d" },
    }),
  );
  for (const wrong of [
    { replace: { a: { use: [] } } },
    { replace: { a: { use: [], reason: "r", more: 1 } } },
    { omit: { a: "" } },
    { install: { reason: "r" } },
    { install: { reason: "r", fetches, more: 1 } },
    { install: { reason: "r", fetches: [{ ...fetches[0], more: 1 }] } },
    { install: { reason: "r", fetches: [{ url: "u" }] } },
    { more: 1 },
  ])
    assert.ok(!node(wrong), JSON.stringify(wrong));
});

test("of two resolutions the second counts where both have a name, and both add", () => {
  const one = {
    additional: [{ requirement: "a", reason: "1" }],
    aliases: { x: { of: "y", reason: "1" }, z: { of: "y", reason: "1" } },
    gitPackages: { p: { repository: "r1", requires: [] } },
  };
  const two = {
    additional: [{ requirement: "b", reason: "2" }],
    aliases: { x: { of: "w", reason: "2" } },
    gitPackages: { p: { repository: "r2", requires: [] } },
  };
  assert.deepEqual(joinResolutions(one, two), {
    additional: [...one.additional, ...two.additional],
    aliases: { x: { of: "w", reason: "2" }, z: { of: "y", reason: "1" } },
    gitPackages: two.gitPackages,
  });
  assert.deepEqual(joinResolutions({}, {}), { additional: [], aliases: {}, gitPackages: {} });
  assert.deepEqual(joinResolutions(one, {}), one);
});
