import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { attempt } from "../../../../tools/program/exec.ts";
import { cloneTo } from "../../../support/clone.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** A snapshot whose node strata's own lock has, so that nothing is fetched. */
const snapshot = { git_custom_nodes: { "https://github.com/kijai/ComfyUI-KJNodes": { disabled: false } } };

/** A clone to write into, and the command in it; no package can be had. */
function cloneOf(t: TestContext) {
  const folder = temporaryFolder(t);
  const clone = join(folder, "strata");
  cloneTo(clone);
  const source = join(folder, "snapshot.json");
  writeFileSync(source, JSON.stringify(snapshot));
  const env = { UV_OFFLINE: "1", UV_CACHE_DIR: join(folder, "cache"), UV_NO_CONFIG: "1" };
  const run = (...words: string[]) =>
    attempt(process.execPath, ["tools/commands/import.ts", ...words], { cwd: clone, env });
  const written = () => [...readdirSync(folder), ...readdirSync(clone)].sort();
  return { folder, clone, source, run, written };
}

test("what is wrong with the words or with what is read leaves nothing behind", async (t) => {
  const { folder, source, run, written } = cloneOf(t);
  writeFileSync(join(folder, "broken.json"), '{"git_custom_nodes": 3}');
  mkdirSync(join(folder, "empty"));
  const before = written();
  for (const [words, message] of [
    [
      [source, "--name", "../evil"],
      /--name: expected lower-case letters, digits and dashes, got "\.\.\/evil"/,
    ],
    [[source, "--name", "dev"], /Pulumi\.dev\.yaml: is there already/],
    [["none.json", "--name", "a"], /none\.json: does not exist/],
    [[join(folder, "broken.json"), "--name", "a"], /git_custom_nodes/],
    [[join(folder, "empty"), "--name", "a"], /is no folder of ComfyUI/],
    [[source, "--name", "torch"], /--name: torch is the name of a layer/],
  ] as const) {
    const { ok, all } = await run(...words);
    assert.ok(!ok);
    assert.match(all, message);
    assert.doesNotMatch(all, /this is a bug/);
    assert.deepEqual(written(), before);
  }
});

test("a recipe goes beside the clone, nothing of it is written over without --force, and what is one's own stays", async (t) => {
  const { folder, clone, source, run } = cloneOf(t);
  const shown = await run(source, "--name", "mine");
  assert.match(shown.stdout, /locks\/python\/mine-py3\.11-cu13\.0\.txt: not made: /);
  assert.match(shown.stdout, /npm run lock -- --recipe \.\.\/mine\/recipe\.ts\n {2}make preview STACK=mine/);
  const recipe = join(folder, "mine/recipe.ts");
  const text = readFileSync(recipe, "utf8");
  assert.match(text, /from "\.\.\/strata\/recipes\/own-comfyui\.ts";/);
  assert.match(text, /node\("kijai\/ComfyUI-KJNodes"\)/);
  assert.match(
    readFileSync(join(clone, "Pulumi.mine.yaml"), "utf8"),
    /strata:recipe: "\.\.\/mine\/recipe\.ts"/,
  );
  writeFileSync(recipe, "mine\n");
  writeFileSync(join(folder, "mine/package.json"), "mine\n");
  assert.match(
    (await run(source, "--name", "mine")).all,
    /mine\/recipe\.ts: is there already\. [^\n]*--force/,
  );
  assert.equal(readFileSync(recipe, "utf8"), "mine\n");
  await run(source, "--name", "mine", "--force");
  assert.equal(readFileSync(recipe, "utf8"), text);
  assert.equal(readFileSync(join(folder, "mine/package.json"), "utf8"), "mine\n");
  assert.ok(!existsSync(join(folder, "mine/locks/nodes.json")));
});
