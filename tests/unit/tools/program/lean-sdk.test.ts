import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { repository } from "../../../../home.ts";

const sdk = join(repository, "node_modules/@pulumi/pulumi");
const runner = join(sdk, "cmd/run/index.js");
const loaded =
  "Object.keys(require.cache).filter((file) => /arborist|typescript|automation/.test(file)).length";

/** What `script` prints as JSON in a process that was started as `started`, with what comes before programs. */
async function printed(
  started: string,
  script: string,
  folder: string,
  variables: Readonly<Record<string, string>> = {},
) {
  const begun = `process.argv.splice(1, 0, ${JSON.stringify(started)}, "--monitor", "m", "--pwd", ${JSON.stringify(folder)})`;
  const before = [
    `data:text/javascript,${encodeURIComponent(begun)}`,
    pathToFileURL(join(repository, "tools/program/lean-sdk.ts")).href,
  ].flatMap((url) => ["--import", url]);
  const run = await execa(process.execPath, [...before, "-e", script], { cwd: folder, env: variables });
  return JSON.parse(run.stdout);
}

/** A folder of a project, gone after the test. */
function projectIn(context: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "strata-lean-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test("Pulumi's SDK loads without what programs in the cloud need, and with it once that is used", async (context) => {
  const folder = projectIn(context, { "package.json": '{"name": "p", "version": "1.0.0"}' });
  const script = `
    const pulumi = require(${JSON.stringify(sdk)});
    (async () => {
      const atFirst = ${loaded};
      const text = (await pulumi.runtime.serializeFunction(() => 40 + 2)).text;
      const paths = await pulumi.runtime.computeCodePaths({ extraIncludePaths: ["package.json"] });
      const { LocalWorkspace } = pulumi.automation;
      console.log(JSON.stringify({
        atFirst, text, paths: paths.size, create: typeof LocalWorkspace.createStack, names: Object.keys(pulumi.automation),
        one: require(${JSON.stringify(join(sdk, "automation"))}).LocalWorkspace === LocalWorkspace, later: ${loaded},
      }));
    })();`;
  const lean = await printed(runner, script, folder);
  const whole = await printed("/some/other/program.js", script, folder);
  assert.equal(lean.atFirst, 3, "no more than what stands in for them");
  assert.ok(whole.atFirst > 20, `${whole.atFirst}: a process that runs no program is left alone`);
  assert.match(lean.text, /40 \+ 2/);
  assert.deepEqual({ ...lean, atFirst: 0 }, { ...whole, atFirst: 0 });
});

test("a project that says so runs without ts-node, whatever the language host makes of it", async (context) => {
  const folder = projectIn(context, {});
  const told = (text: string) => {
    writeFileSync(join(folder, "Pulumi.yaml"), text);
    return printed(
      runner,
      "console.log(JSON.stringify(process.env.PULUMI_NODEJS_TYPESCRIPT ?? null))",
      folder,
      {
        PULUMI_NODEJS_TYPESCRIPT: "true",
      },
    );
  };
  assert.equal(
    await told("runtime:\n  name: nodejs\n  options:\n    typescript: false # Node does it\n"),
    null,
  );
  assert.equal(await told("runtime: {name: nodejs, options: {typescript: false}}\n"), null);
  assert.equal(await told("runtime: nodejs\n# typescript: false\n"), "true");
  assert.equal(await told("runtime:\n  name: nodejs\n  options:\n    typescript: true\n"), "true");
});
