import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { repository } from "../../../../home.ts";
import { strykerPlugins } from "../../../../tools/mutants/stryker-plugin.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** As Stryker writes it: mutant 1 is chosen whenever the function runs, mutant 2 once, while the module is read. */
const source = `
const isOn = (id: string): boolean => globalThis.__stryker__.activeMutant === id;
const hit = (id: string, count = globalThis.__stryker__): void => {
  const covered = (count.mutantCoverage ??= { static: {}, perTest: {} });
  const test = count.currentTestId;
  const into = test ? (covered.perTest[test] ??= {}) : covered.static;
  into[id] = (into[id] ?? 0) + 1;
};
hit("2");
const base: number = isOn("2") ? 41 : 40;
export function answer(): number {
  hit("1");
  while (isOn("3") && ++globalThis.__stryker__.hitCount < 100);
  return base + (isOn("1") ? 1 : 2);
}
`;
const tests = `
import { after, before, describe, test } from "node:test";
import { answer } from "../../../../lib/room/source.ts";
let ready = false;
before(() => { ready = true; });
after(() => console.log("after"));
describe("group", () => {
  test("answers", (t) => {
    t.after(() => {});
    if (!ready || answer() !== 42) throw new Error("wrong");
  });
});
test("knows nothing", () => {});
test("is left out", { skip: "here" }, () => { throw new Error("ran"); });
`;
/** What Stryker asks a runner for; each answer is a line. */
const program = `
const { strykerPlugins } = await import(process.argv[1]);
const file = "tests/unit/lib/room/source.test.ts";
const runner = strykerPlugins[0].factory({ nodeTestFiles: ["tests/unit/other.test.ts", file] });
await runner.init();
const say = (value) => console.log(JSON.stringify(value));
say(await runner.dryRun());
const run = (id, more) => runner.mutantRun({
  activeMutant: { id, fileName: "lib/room/source.ts" },
  mutantActivation: "runtime", disableBail: false, reloadEnvironment: false, ...more,
});
const answers = file + ": group > answers";
say(await run("1", { testFilter: [answers] }));
say(await run("1", { testFilter: [file + ": knows nothing"] }));
say(await run("2", { testFilter: [answers] }));
say(await run("2", { mutantActivation: "static", reloadEnvironment: true }));
say(await run("none", { reloadEnvironment: true }));
say(await run("3", { testFilter: [answers], hitLimit: 50 }));
`;

test("tests run again and again in one process, with another mutant each time", async (t) => {
  const folder = temporaryFolder(t);
  for (const [path, text] of Object.entries({
    "lib/room/source.ts": source,
    "tests/unit/lib/room/source.test.ts": tests,
    "tests/unit/other.test.ts": 'import { test } from "node:test"; test("another", () => {});',
    "package.json": '{"type":"module"}',
  })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const plugin = join(repository, "tools/mutants/stryker-plugin.ts");
  const quiet = ["--test-reporter=dot", "--test-reporter-destination=stderr"];
  const { stdout } = await execa(
    process.execPath,
    [...quiet, "--input-type=module", "--eval", program, plugin],
    // A child of a test run would print for its parent.
    { cwd: folder, env: { NODE_TEST_CONTEXT: undefined } },
  );
  const said = stdout.split("\n").filter((line) => line.startsWith("{"));
  const [dry, killed, unaware, late, fresh, none, endless] = said.map((line) => JSON.parse(line));
  const answers = "tests/unit/lib/room/source.test.ts: group > answers";
  assert.deepEqual(
    dry.tests.map(({ id, status }: { id: string; status: number }) => `${status} ${id}`),
    [
      "0 tests/unit/other.test.ts: another",
      `0 ${answers}`,
      "0 tests/unit/lib/room/source.test.ts: knows nothing",
      "2 tests/unit/lib/room/source.test.ts: is left out",
    ],
  );
  assert.deepEqual(dry.mutantCoverage, { static: { 2: 1 }, perTest: { [answers]: { 1: 1 } } });
  assert.deepEqual(killed, {
    status: "killed",
    killedBy: [answers],
    failureMessage: "Error: wrong",
    nrOfTests: 1,
  });
  assert.deepEqual(unaware, { status: "survived", nrOfTests: 1 });
  // What a module decided when it was read stays, until it is read anew.
  assert.equal(late.status, "survived");
  // The file that mirrors the source is the first.
  assert.deepEqual([fresh.status, fresh.nrOfTests], ["killed", 1]);
  assert.deepEqual([none.status, none.nrOfTests], ["survived", 4]);
  assert.equal(endless.status, "timeout");
  assert.equal(stdout.split("\n").filter((line) => line === "after").length, 2);
});

test("words of messages and defaults for the compiler are no mutants; what decides something is", () => {
  const ignorer = strykerPlugins.find(({ kind }) => kind === "Ignore")?.value;
  assert.ok(ignorer);
  const path = (
    node: { type: string; callee?: unknown; key?: unknown; value?: unknown },
    parentPath: object | null = null,
  ) => ({ node, parentPath }) as Parameters<typeof ignorer.shouldIgnore>[0];
  const text = { type: "StringLiteral", value: "x" };
  const call = (callee: object, inside: object | null = null) =>
    path({ type: "CallExpression", callee }, inside);
  const error = path({ type: "NewExpression", callee: { name: "UserError" } });
  assert.match(ignorer.shouldIgnore(path(text, error)) ?? "", /message/);
  const half = path({ type: "ConditionalExpression" }, error);
  assert.match(ignorer.shouldIgnore(path({ type: "TemplateLiteral" }, half)) ?? "", /message/);
  assert.match(ignorer.shouldIgnore(path(text, call({ property: { name: "regex" } }))) ?? "", /message/);
  assert.match(
    ignorer.shouldIgnore(path(text, path({ type: "ObjectProperty", key: { name: "remedy" } }))) ?? "",
    /message/,
  );
  assert.equal(
    ignorer.shouldIgnore(path(text, path({ type: "ObjectProperty", key: { name: "kind" } }))),
    undefined,
  );
  assert.equal(ignorer.shouldIgnore(path(text, call({ name: "join" }))), undefined);
  assert.equal(ignorer.shouldIgnore(half), undefined, "which half is said is no wording");
  const work = path({ type: "ArrowFunctionExpression" }, error);
  assert.equal(ignorer.shouldIgnore(path(text, work)), undefined, "what a function inside decides");
  const fallback = path({ type: "AssignmentPattern" }, path({ type: "ArrayPattern" }));
  assert.match(ignorer.shouldIgnore(path({ ...text, value: "" }, fallback)) ?? "", /compiler/);
  assert.equal(ignorer.shouldIgnore(path(text, fallback)), undefined);
});
