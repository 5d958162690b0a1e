import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import {
  circles,
  exportsOf,
  functionsOf,
  importsOf,
  misplaced,
  roomOf,
} from "../../../../tools/lint/rooms.ts";

const MOST_LINES = 200;
const MOST_FUNCTION_LINES = 60;
const MOST_FILES = 20;
const FEWEST_LINES = 20;

/** Lists, which are as long as what they list: megapak's nodes, the commands. */
const data = ["recipes/megapak.ts"];
const lists = ["tools/commands"];

const paths = globSync(["*.ts", "{components,layers,lib,oci,recipes,tools}/**/*.{ts,sh}"], {
  cwd: repository,
}).sort();
const files = paths.map((path) => ({ path, text: readFileSync(join(repository, path), "utf8") }));
const sources = files.filter(({ path }) => path.endsWith(".ts"));
const linesOf = (text: string) => text.trimEnd().split("\n").length;

test("every file has a room, and imports lower rooms only", () => {
  assert.deepEqual(misplaced(sources), []);
});

test("no file imports itself, by whatever way round", () => {
  assert.deepEqual(circles(sources), []);
});

test("only tools/ imports tools/, and nothing imports the program or a command", () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter((target) => target === "index.ts" || /^tools\/(commands|steps)\/[^/]+$/.test(target))
      .concat(
        file.path.startsWith("tools/") ? [] : importsOf(file).filter((target) => target.startsWith("tools/")),
      )
      .map((target) => `${file.path} imports ${target}`),
  );
  assert.deepEqual(wrong, []);
});

test("few files are loose: ten in lib/, none in tools/ but the one that everything begins with", () => {
  const loose = (folder: string) => paths.filter((path) => dirname(path) === folder);
  assert.ok(loose("lib").length <= 10, loose("lib").join(" "));
  assert.deepEqual(loose("tools"), ["tools/bootstrap.sh"]);
});

test(`no folder has more than ${MOST_FILES} files`, () => {
  const folders = Map.groupBy(paths, dirname);
  const large = [...folders].filter(
    ([folder, inside]) => inside.length > MOST_FILES && !lists.includes(folder),
  );
  assert.deepEqual(
    large.map(([folder, inside]) => `${folder}: ${inside.length}`),
    [],
  );
});

test(`no file has more than ${MOST_LINES} lines, no function more than ${MOST_FUNCTION_LINES}`, () => {
  const long = files.filter(({ path, text }) => linesOf(text) > MOST_LINES && !data.includes(path));
  assert.deepEqual(
    long.map(({ path, text }) => `${path}: ${linesOf(text)}`),
    [],
  );
  const functions = sources.flatMap((file) =>
    functionsOf(file)
      .filter(({ lines }) => lines > MOST_FUNCTION_LINES && !data.includes(file.path))
      .map(({ name, lines }) => `${file.path} ${name}: ${lines}`),
  );
  assert.deepEqual(functions, []);
});

test(`a file of fewer than ${FEWEST_LINES} lines has two callers`, () => {
  const callers = Map.groupBy(
    sources.flatMap((file) => importsOf(file).map((target) => ({ target, by: file.path }))),
    ({ target }) => target,
  );
  // Layers and recipes are data, read by name; programs are started.
  const started =
    /^(layers\/[^/]+\/layer|recipes\/[^/]+|tools\/(commands|steps)\/[^/]+|tools\/mutants\/stryker-plugin|[^/]+)\.ts$/;
  const small = sources.filter(
    ({ path, text }) =>
      linesOf(text) < FEWEST_LINES &&
      !started.test(path) &&
      new Set(callers.get(path)?.map(({ by }) => by)).size < 2,
  );
  assert.deepEqual(
    small.map(({ path }) => path),
    [],
  );
});

/** What is called alike on purpose: outputs of the program that are what a recipe's file exports. */
const sharedNames = ["recipe"];

test("an exported name is defined once: it has one meaning", () => {
  const places = Map.groupBy(
    sources.flatMap((file) => exportsOf(file).map((name) => ({ name, path: file.path }))),
    ({ name }) => name,
  );
  const repeated = [...places].filter(
    ([name, found]) => new Set(found.map(({ path }) => path)).size > 1 && !sharedNames.includes(name),
  );
  assert.deepEqual(
    repeated.map(([name, found]) => `${name}: ${found.map(({ path }) => path).join(" ")}`),
    [],
  );
});

test("no two files have one name, but a step that has its component's", () => {
  const names = Map.groupBy(
    sources.map(({ path }) => path).filter((path) => !/(^|\/)(layer|index)\.ts$/.test(path)),
    (path) => basename(path),
  );
  const repeated = [...names].filter(
    ([name, found]) => found.length > 1 && found.join(" ") !== `components/${name} tools/steps/${name}`,
  );
  assert.deepEqual(
    repeated.map(([, found]) => found.join(" ")),
    [],
  );
});

test("each unit test bears the name of what it tests: a file or a folder, and after a dot of which part", () => {
  const tests = globSync("tests/unit/**/*.test.ts", { cwd: repository });
  const homeless = tests.filter((path) => {
    const [name = ""] = basename(path, ".test.ts").split(".");
    const target = join(
      dirname(path)
        .replace(/^tests\/unit\/?/, "")
        .replace(/^github$/, ".github"),
      name,
    );
    return !["", ".ts", ".sh", ".json"].some((ending) => existsSync(join(repository, target + ending)));
  });
  assert.deepEqual(homeless, []);
});

test("a room is the longest that fits, and folders of lib/ without one are not lib/", () => {
  assert.equal(roomOf("lib/comfyui/workflow/png.ts"), "lib/comfyui");
  assert.equal(roomOf("lib/redact.ts"), "lib");
  assert.equal(roomOf("lib/new-room/x.ts"), undefined);
  assert.equal(roomOf("tools/x.ts"), undefined);
  assert.equal(roomOf("components/registry/registry.ts"), "components/registry");
});

test("what breaks a rule is found: upwards, by type alone, in a circle, in a long function", () => {
  const upwards = { path: "lib/gpu/x.ts", text: 'import type { Recipe } from "../../recipes/index.ts";' };
  assert.deepEqual(misplaced([upwards]), [
    "lib/gpu/x.ts imports recipes/index.ts: recipes is not below lib/gpu",
  ]);
  const later = { path: "oci/x.ts", text: 'export type T = import("../lib/plan/plan.ts").Plan;' };
  assert.equal(misplaced([later]).length, 1);
  const beside = { path: "lib/gpu/y.ts", text: 'const { a } = await import("../audit/findings.ts");' };
  assert.equal(misplaced([beside]).length, 1);
  const one = { path: "lib/gpu/a.ts", text: 'export * from "./b.ts";' };
  const other = { path: "lib/gpu/b.ts", text: 'import type { A } from "./a.ts";' };
  assert.deepEqual(circles([one, other]), [["lib/gpu/a.ts", "lib/gpu/b.ts", "lib/gpu/a.ts"]]);
  const [long] = functionsOf({ path: "lib/x.ts", text: `export function f() {\n${"g();\n".repeat(70)}}` });
  assert.deepEqual(long, { name: "f", lines: 72 });
  const both =
    'export type A = 1;\nexport const [x, { b, c: [d] }] = y, e = 1;\nexport { z } from "./z.ts";\nconst f = 1;';
  assert.deepEqual(exportsOf({ path: "lib/x.ts", text: both }), ["A", "e"]);
  const pattern = {
    path: "lib/x.ts",
    text: "export const { recipe, product: p } = outputs;\nexport class C {}",
  };
  assert.deepEqual(exportsOf(pattern), ["recipe", "p", "C"]);
});
