import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { UserError } from "../../../../errors.ts";
import { repository } from "../../../../home.ts";
import { loadRecipe, recipeFileName } from "../../../../lib/recipe/recipe-file.ts";
import { temporaryFolder } from "../../support/folder.ts";

const LAYER = '{ name: "base", summary: "s", role: "system", parents: () => [] }';
const recipe = (more = "") =>
  `{ name: "mine", summary: "s", layers: [${LAYER}], buildLayers: [], licences: "MIT", sizeBudget: "1 GB", runtime: () => ({}), ${more} }`;

/** Loads a file with this text, whose name is a new one: Node loads a module once. */
function load(t: TestContext, text: string, taken: readonly string[] = []) {
  const file = join(temporaryFolder(t), "recipe.mjs");
  writeFileSync(file, text);
  return { file, loaded: loadRecipe(file, taken) };
}

test("a recipe is what a file exports under that name, else its default", async (t) => {
  assert.equal((await load(t, `export const recipe = ${recipe()};`).loaded).name, "mine");
  assert.equal((await load(t, `export default ${recipe()};`).loaded).name, "mine");
  const both = `export const recipe = ${recipe()}; export default ${recipe('summary: "other"')};`;
  assert.equal((await load(t, both).loaded).summary, "s");
  // It is the file's own object, with its functions.
  assert.deepEqual((await load(t, `export default ${recipe()};`).loaded).layers[0]?.parents({} as never), []);
});

test("a file that is not there, and one that exports none, are told of with what it exports", async (t) => {
  await assert.rejects(loadRecipe(join(temporaryFolder(t), "gone.ts"), []), {
    path: "strata:recipe",
    problem: /there is no file .*gone\.ts/,
  });
  const { file, loaded } = load(t, "export const one = 1, two = 2;");
  await assert.rejects(loaded, { path: file, problem: /exports no recipe, only one, two\./ });
  await assert.rejects(load(t, "").loaded, /exports no recipe, only nothing\./);
});

test("what is wrong in it is told by its key, and a name of strata's own is taken", async (t) => {
  const wrong = load(t, `export const recipe = ${recipe("licences: 1, layers: [{}]")};`);
  await assert.rejects(wrong.loaded, (error: Error) => {
    assert.ok(error.message.includes(`${wrong.file}: recipe.licences`), error.message);
    assert.ok(error.message.includes(`${wrong.file}: recipe.layers.0.name`), error.message);
    return true;
  });
  const taken = load(t, `export const recipe = ${recipe()};`, ["other", "mine"]);
  await assert.rejects(taken.loaded, {
    path: `${taken.file}: recipe.name`,
    problem: /"mine" is a recipe of strata's own/,
  });
});

test("a file that Node cannot load says why; a mistake that it throws itself is told as it is", async (t) => {
  const broken = load(t, "export const = 1;");
  await assert.rejects(broken.loaded, {
    path: broken.file,
    problem: /^cannot be loaded: Unexpected token \S+$/,
  });
  await assert.rejects(load(t, 'throw new Error("  odd \\n");').loaded, { problem: "cannot be loaded: odd" });
  const errors = pathToFileURL(join(repository, "errors.ts")).href;
  const own = load(t, `import { UserError } from "${errors}"; throw new UserError("a", "b", "c");`);
  await assert.rejects(own.loaded, (error) => {
    assert.ok(error instanceof UserError);
    assert.deepEqual([error.path, error.problem, error.remedy], [`${own.file}: a`, "b", "c"]);
    return true;
  });
});

test("Node loads scripts of either language, and modules", () => {
  for (const name of ["a.ts", "a.js", "a.mts", "a.mjs"]) assert.match(name, recipeFileName);
  for (const name of ["a.cts", "a.tsx", "a.json", "ats", "studio"]) assert.doesNotMatch(name, recipeFileName);
});
