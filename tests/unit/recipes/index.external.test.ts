/** Recipes of one's own: the example, from a folder outside of the repository, and what is said of a wrong file. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseConfig, readConfig } from "../../../config.ts";
import { UserError, UserErrors } from "../../../errors.ts";
import { repository } from "../../../home.ts";
import { missingGitSources } from "../../../lib/lock-making/node-lock-problems.ts";
import { formatNodeLock, nodeLockPath, parseNodeLock } from "../../../lib/locks/node-lock.ts";
import { lockHeader, lockInputs, lockPath } from "../../../lib/plan/lock-inputs.ts";
import type { Plan } from "../../../lib/plan/plan.ts";
import { type Extension, extendRecipe } from "../../../recipes/extend.ts";
import { findRecipe, recipes } from "../../../recipes/index.ts";
import { readProvenance } from "../../../recipes/provenance.ts";
import { planStack } from "../../../recipes/stack-plan.ts";
import { externalPythonLocks } from "../../../tools/lock/external-recipe.ts";
import { stageProblems } from "../../support/dockerfile.ts";
import { keysOf, sampleLabels } from "../../support/layers.ts";

const { megapak, starter } = recipes;
const megapakLock = readFileSync(
  join(repository, lockPath(parseConfig({ "strata:recipe": "megapak" }))),
  "utf8",
);
const strataNodes = parseNodeLock(readFileSync(join(repository, nodeLockPath), "utf8"));

/** A folder outside of the repository. */
function outside(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "strata-test-"));
  test.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The example as somebody copies it, with a lock of megapak's packages and these. Returns its file. */
async function copiedExample(test: TestContext, more = ["duckdb", "humanize"]): Promise<string> {
  const folder = outside(test);
  const file = join(folder, "recipe.ts");
  cpSync(join(repository, "docs/examples/my-recipe"), folder, { recursive: true });
  writeFileSync(file, readFileSync(file, "utf8").replaceAll('"../../../', `"${repository}/`));
  const { recipe } = await findRecipe(file);
  const [name] = externalPythonLocks({ recipe, folder });
  assert.ok(name);
  const body = [
    megapakLock.replace(/^(#.*\n)+/, "").trimEnd(),
    ...more.map((added) => `${added}==1.0 \\\n    --hash=sha256:${"7".repeat(64)}\n    # via -r x.in`),
    "",
  ].join("\n");
  const path = join(folder, lockPath(name));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${lockHeader(name, recipe, lockInputs(recipe, name, strataNodes), body)}${body}`);
  return file;
}

async function planOf(recipe: string): Promise<Plan> {
  const folders = { root: repository, localImages: "none.json" };
  return planStack(await readConfig({ "strata:recipe": recipe }), folders, sampleLabels).plan;
}

test("the example extends megapak: its own stages are new, megapak's are the very same", async (t) => {
  const file = await copiedExample(t);
  const [base, own] = [await planOf("megapak"), await planOf(file)];
  const keys = new Map(base.stages.map(({ name, key }) => [name, key]));
  const differing = own.stages.filter(({ name, key }) => keys.get(name) !== key).map(({ name }) => name);
  assert.deepEqual(differing.sort(), [
    "my-recipe-packages",
    "nodes-my-recipe",
    "runtime",
    "verify",
    "workflows",
  ]);
  const packages = own.stages.find(({ name }) => name === "my-recipe-packages")?.inputs ?? {};
  assert.deepEqual(
    Object.keys(packages).filter((input) => input.startsWith("package:")),
    ["package:duckdb", "package:humanize"],
  );
  assert.deepEqual(
    own.stages.flatMap((stage) => stageProblems(stage)),
    [],
  );
  assert.equal(own.recipe, "my-recipe");
});

test("the example's own layer has its files, and no path of this machine is in any key", async (t) => {
  const file = await copiedExample(t);
  const plan = await planOf(file);
  const workflows = plan.stages.find(({ name }) => name === "workflows");
  assert.deepEqual(
    workflows?.files.map(({ path }) => path),
    ["Dockerfile", "finish.sh", "rootfs/opt/my-recipe/workflows/plain-image.json"],
  );
  const elsewhere = await planOf(await copiedExample(t));
  const named = [...plan.stages, plan.product].flatMap(({ inputs }) => Object.keys(inputs));
  assert.ok(!named.some((input) => input.includes(dirname(file))));
  assert.deepEqual(keysOf(elsewhere), keysOf(plan));
});

test("it has megapak's defaults, tags of its own name, and its own nodes in the image's description", async (t) => {
  const file = await copiedExample(t);
  const { base, python, tags } = await readConfig({ "strata:recipe": file });
  assert.deepEqual([base, python], ["ubuntu-24.04", "3.12"]);
  assert.ok(tags.includes("{recipe}-latest-{generation}"));
  const { stages } = await planOf(file);
  const runtime = stages.find(({ name }) => name === "runtime");
  const image = runtime?.files.find(({ path }) => path.endsWith("image.json"))?.content.toString() ?? "";
  assert.match(image, /"repository": "https:\/\/github\.com\/M1kep\/ComfyLiterals"/);
});

test("a package that its lock lacks is an error that names the command with the file", async (t) => {
  const file = await copiedExample(t, ["humanize"]);
  await assert.rejects(
    planOf(file),
    (error: Error) =>
      error.message.includes("does not hold duckdb") &&
      error.message.includes(`npm run lock -- --recipe ${file} python`),
  );
});

test("commits beside the file count before strata's own", async (t) => {
  const file = await copiedExample(t);
  const name = "M1kep/ComfyLiterals";
  const known = strataNodes.repositories[name];
  assert.ok(known);
  const moved = { ...known, commit: "e".repeat(40) };
  const own = formatNodeLock({ repositories: { [name]: moved }, packages: {} });
  writeFileSync(join(dirname(file), nodeLockPath), own);
  const { stages } = await planOf(file);
  const stage = stages.find((other) => other.name === "nodes-my-recipe");
  assert.equal(stage?.inputs["pin:ComfyLiterals"], moved.commit);
});

test("what strata's lock has is not looked up again; another branch is", () => {
  const at = (ref?: string) =>
    extendRecipe(megapak, {
      name: "mine",
      nodes: [{ repository: "https://github.com/M1kep/ComfyLiterals", ...(ref ? { ref } : {}) }],
    });
  assert.deepEqual(missingGitSources(at(), strataNodes), { repositories: [], packages: [] });
  assert.deepEqual(
    missingGitSources(at("next"), strataNodes).repositories.map(({ name, ref }) => `${name} ${ref}`),
    ["M1kep/ComfyLiterals next"],
  );
});

test("its labels name the repository that it is in", async (t) => {
  const file = await copiedExample(t);
  const folder = dirname(file);
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, ...args], { stdio: "pipe" }).toString();
  git("init", "--quiet");
  git("add", ".");
  git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "mine");
  const config = await readConfig({ "strata:recipe": file });
  const { revision } = readProvenance(repository, config.selected);
  assert.equal(revision, git("rev-parse", "HEAD").trim());
  writeFileSync(join(folder, "workflows/rootfs/more"), "");
  assert.equal(readProvenance(repository, config.selected).revision, `${revision}-dirty`);
});

/** What is wrong with a recipe's file of these words, one line each. */
async function problemsOf(t: TestContext, text: string, name = "recipe.ts"): Promise<string[]> {
  const folder = outside(t);
  const file = join(folder, name);
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  writeFileSync(file, text);
  try {
    await findRecipe(file);
    return [];
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    const all = error instanceof UserErrors ? error.errors : [error];
    return all.map(({ message }) => message.replaceAll(folder, "…"));
  }
}

test("a file that is not there, and a word that is neither a name nor a file", async () => {
  await assert.rejects(
    findRecipe("../nowhere/recipe.ts"),
    /strata:recipe: there is no file \.\.\/nowhere\/recipe\.ts/,
  );
  await assert.rejects(
    findRecipe("megapack"),
    /expected one of starter, studio, megapak, wan22, vast, or a file that ends in \.ts or \.js, got "megapack"\. Did you mean "megapak"\?/,
  );
});

test("a file without a recipe says what it exports", async (t) => {
  assert.match(
    (await problemsOf(t, "export const recipie = {};"))[0] ?? "",
    /…\/recipe\.ts: exports no recipe, only recipie/,
  );
  assert.match((await problemsOf(t, "const x = 1;"))[0] ?? "", /exports no recipe, only nothing/);
});

test("a file that cannot be loaded says why", async (t) => {
  assert.match(
    (await problemsOf(t, 'import "./gone.ts"; export default {};'))[0] ?? "",
    /…\/recipe\.ts: cannot be loaded: .*gone\.ts/,
  );
  assert.match((await problemsOf(t, "export default {;"))[0] ?? "", /cannot be loaded: /);
  assert.match((await problemsOf(t, "enum A { B } export default {};"))[0] ?? "", /cannot be loaded: .*enum/);
  assert.match((await problemsOf(t, 'throw new Error("no disk");'))[0] ?? "", /cannot be loaded: no disk/);
});

test("everything that is wrong with its shape is told together", async (t) => {
  const found = await problemsOf(
    t,
    `export const recipe = {
      name: "My Recipe", summary: "", sumary: "x", licences: "MIT", sizeBudget: "large",
      layers: [{ name: "system", summary: "s", parents: [] }, { name: "a", summary: "a", parents: () => [], fils: 1 }],
      buildLayers: [], runtime: () => ({}), defaults: { python: "3.9" },
    };`,
  );
  const paths = found.map((message) =>
    message.split(": ").slice(0, 2).join(": ").replace("…/recipe.ts: ", ""),
  );
  assert.deepEqual(paths.sort(), [
    "recipe.defaults.python",
    "recipe.layers.0.parents",
    "recipe.layers.1.fils",
    "recipe.name",
    "recipe.sizeBudget",
    "recipe.sumary",
    "recipe.summary",
  ]);
  assert.ok(
    found.some((message) => /recipe\.layers\.0\.parents: expected a function, got \[\]/.test(message)),
  );
  assert.ok(
    found.some((message) => /recipe\.sumary: is not a setting\. Did you mean "summary"\?/.test(message)),
  );
});

test("a wrong word in an extension is told with the file; what is left out would be missed in silence", async (t) => {
  const found = await problemsOf(
    t,
    `import { extendRecipe, node } from "${repository}/recipes/extend.ts";
     import { megapak } from "${repository}/recipes/megapak.ts";
     export default extendRecipe(megapak, {
       name: "mine", pacakges: ["humanize"], packages: "humanize",
       nodes: [node("a/b", { refs: "main" })], unmet: [{ distribution: "a" }],
     });`,
  );
  assert.deepEqual(found.map((message) => message.replace("…/recipe.ts: extendRecipe.", "")).sort(), [
    "nodes.0.refs: is not a setting. Remove it.",
    'pacakges: is not a setting. Did you mean "packages"?',
    'packages: expected array, got "humanize".',
    "unmet.0.reason: is missing. Give it a value (string).",
    "unmet.0.requirement: is missing. Give it a value (string).",
  ]);
});

test("strata's own recipes have the shape that is asked of others", async (t) => {
  for (const name of ["starter", "studio", "megapak"] as const) {
    const text = `import { recipes } from "${repository}/recipes/index.ts";
      export default { ...recipes.${name}, name: "another" };`;
    assert.deepEqual(await problemsOf(t, text), [], name);
  }
});

test("the name of another recipe is taken", async (t) => {
  const text = `export { megapak as recipe } from "${repository}/recipes/megapak.ts";`;
  assert.match((await problemsOf(t, text))[0] ?? "", /recipe\.name: "megapak" is a recipe of strata's own/);
});

test("JavaScript will do as well", async (t) => {
  const text = `import { megapak } from "${repository}/recipes/megapak.ts";
    export default { ...megapak, name: "mine" };`;
  assert.deepEqual(await problemsOf(t, text, "recipe.mjs"), []);
});

test("a mistake in the file and one in the settings are told together", async () => {
  await assert.rejects(
    readConfig({ "strata:recipe": "../nowhere.ts", "strata:generation": "adda" }),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.deepEqual(error.errors.map(({ path }) => path).sort(), ["strata:generation", "strata:recipe"]);
      return true;
    },
  );
});

test("an extension without nodes or packages adds no stage for them", () => {
  const names = (more: Partial<Extension>) =>
    extendRecipe(starter, { name: "mine", ...more }).layers.map(({ name }) => name);
  const base = starter.layers.map(({ name }) => name);
  assert.deepEqual(names({}), base);
  assert.deepEqual(names({ packages: ["x"] }), [...base.slice(0, -1), "mine-packages", "runtime"]);
});

test("an extension that cannot be is refused", () => {
  const nodes = [{ repository: "https://example.org/a/b" }];
  assert.throws(() => extendRecipe(starter, { name: "mine", nodes }), /nodes: starter has no ComfyUI/);
  assert.throws(() => extendRecipe(starter, { name: "starter" }), /is that of the recipe it extends/);
  assert.throws(() => extendRecipe(megapak, { name: "video" }), /video is a group of nodes of megapak/);
});
