import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { parse } from "yaml";
import { repository } from "../../../../home.ts";
import { type ImportedRecipe, recipeText, stackText } from "../../../../lib/import/recipe-text.ts";
import { temporaryFolder } from "../../support/folder.ts";

const commit = "4ac401af2b3962f7a669a6757a804f7773833c47";
const recipe: ImportedRecipe = {
  name: "my-images",
  summary:
    "ComfyUI with the 4 custom nodes of a snapshot whose name is long enough for a line of its own, is it not",
  comfyui: { ref: commit },
  runpod: true,
  nodes: [
    { node: { repository: "https://github.com/a/b" }, short: { name: "a/b", more: {} } },
    { node: { repository: "https://github.com/a/c" }, short: { name: "a/c", more: { ref: commit } } },
    {
      node: { repository: "https://github.com/a/d" },
      short: {
        name: "a/d",
        more: { ref: commit, disabled: "off in what was imported", folder: "somewhere-else" },
      },
    },
    {
      node: {
        repository: "https://gitlab.com/a/e",
        ref: commit,
        replace: {
          "git+https://github.com/x/y": { use: [], reason: "an address, which nothing pins; name a package" },
        },
      },
    },
  ],
  packages: ["humanize", 'tomli; python_version < "3.11"'],
  resolution: { additional: [{ requirement: "transformers<5", reason: "why" }] },
  defaults: { base: "ubuntu-24.04", python: "3.12" },
};

/** What the text says, with modules in strata's place that give back what they are called with. */
async function meaning(t: TestContext, text: string, name: string): Promise<unknown> {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "recipes"));
  writeFileSync(join(folder, "recipes/own-comfyui.ts"), "export const comfyuiRecipe = (given) => given;\n");
  writeFileSync(
    join(folder, "recipes/extend.ts"),
    "export const node = (name, more = {}) => ({ name, more });\n",
  );
  writeFileSync(join(folder, name), text);
  return (await import(pathToFileURL(join(folder, name)).href)).recipe;
}

test("the text says what it was made from, and is formatted as strata's own files are", async (t) => {
  const text = recipeText(recipe, "snapshot.json", "./recipes/");
  const nodes = recipe.nodes.map(({ node, short }) => short ?? node);
  assert.deepEqual(await meaning(t, text, "recipe.mts"), { ...recipe, nodes });
  const biome = join(repository, "node_modules/@biomejs/biome/bin/biome");
  const formatted = execFileSync(
    process.execPath,
    [biome, "check", "--write", "--stdin-file-path=recipes/x.ts"],
    {
      cwd: repository,
      input: text,
      encoding: "utf8",
    },
  );
  assert.equal(text, formatted);
});

test("no name of a stranger's gets out of its string or out of the comment", async (t) => {
  const word = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "*/ process.exit(9) /*",
      '"; process.exit(9); "',
      "`; process.exit(9); `",
      "__proto__",
      "\u2028",
      "\\",
    ),
  );
  let count = 0;
  await fc.assert(
    fc.asyncProperty(word, word, word, async (from, key, value) => {
      const given: ImportedRecipe = {
        ...recipe,
        summary: value,
        packages: [value],
        nodes: [
          { node: { repository: key, replace: Object.fromEntries([[key, { use: [value], reason: from }]]) } },
        ],
      };
      const read = await meaning(t, recipeText(given, from, "./recipes/"), `r${count++}.mts`);
      assert.deepEqual(read, { ...given, nodes: given.nodes.map(({ node }) => node) });
    }),
    { numRuns: 25 },
  );
});

test("the stack's file names the recipe, and the setting for models where there are some", () => {
  assert.deepEqual(parse(stackText("../my images/recipe.ts", 0)), {
    config: { "strata:recipe": "../my images/recipe.ts" },
  });
  assert.match(
    stackText("../x/recipe.ts", 7),
    /lists 7 models[\s\S]*# strata:models: \{ strategy: volume \}/,
  );
});
