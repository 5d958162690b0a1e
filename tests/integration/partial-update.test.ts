/** Single stages of a real stack: built alone, and entered. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { repository } from "../../home.ts";
import { fileSystem } from "../../lib/plan/partial-update.ts";
import { stageTag } from "../../lib/registry/tags.ts";
import { readImage } from "../../oci/read/image.ts";
import { commandLine } from "../../tools/program/processes.ts";
import { buildStages } from "../../tools/pulumi/build-stages.ts";
import { recordOf } from "../../tools/stack/outputs.ts";
import { writeOwnRecipe } from "./support/own-recipe.ts";
import { smallLayers } from "./support/small-layers.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

let stack: TestStack;
before(async () => {
  stack = await openTestStack();
  await stack.init();
});
after(() => stack?.close());

const build = (...names: string[]) => buildStages(stack.home, stack.stack, stack.plan(), names);
const recorded = async () => {
  const { stages, ...rest } = await recordOf(stack.home, stack.stack);
  return { ...rest, stages: stages as StackUpdate["stages"] | undefined };
};
const resources = async () => {
  const { stdout } = await stack.pulumi("stack", "export");
  const { deployment } = JSON.parse(stdout) as { deployment: { resources: { urn: string }[] } };
  return deployment.resources
    .filter(({ urn }) => /Stage\$docker-build:index:Image::|ProductImage\$command:local:Command::/.test(urn))
    .map(({ urn }) => urn.split("::").at(-1))
    .sort();
};

test("in an empty stack a stage is built with its parents, and nothing else", async () => {
  assert.equal(await build("b"), 0);
  assert.deepEqual(await resources(), ["small-a", "small-b", "small-system"]);
  const { stages, product, outputs } = await recorded();
  assert.equal(product, undefined);
  assert.deepEqual(outputs, { recipe: "small" });
  assert.deepEqual(Object.keys(stages ?? {}).sort(), ["a", "b", "system"]);
  const b = stack.plan().stages.find(({ name }) => name === "b");
  assert.equal((await readImage(`${stack.repository}:stage-b-${b?.key}`)).digest, stages?.b?.digest);
});

test("a whole update then finds it built", async () => {
  const update = await stack.up();
  assert.deepEqual(update.changed, { "small-c": "create", small: "create" });
});

test("a changed stage is built alone: the stack keeps the others, and the product as it was", async () => {
  const known = await recorded();
  stack.edit("a/value", "2\n");
  // Another stage has changed as well, and is left alone.
  stack.edit("c/value", "2\n");
  assert.equal(await build("a"), 0);
  assert.deepEqual(await resources(), ["small", "small-a", "small-b", "small-c", "small-system"]);
  const now = await recorded();
  assert.deepEqual([now.product, now.outputs], [known.product, known.outputs]);
  assert.deepEqual({ ...now.stages, a: known.stages?.a }, known.stages);
  assert.notEqual(now.stages?.a?.digest, known.stages?.a?.digest);
  stack.edit("c/value", smallLayers["c/value"] ?? "");
  assert.deepEqual((await stack.up()).changed, { "small-b": "update", small: "update" });
});

/** Mounts and namespaces are root's; elsewhere Docker runs the shell. */
const skip = process.getuid?.() === 0 ? false : "needs root";

/** Runs a line in the file system of a stage, as `make shell` does, and returns what it wrote and its exit code. */
async function enter(layer: string, command: string) {
  const references = fileSystem(stack.plan(), layer).map((stage) => `${stack.repository}:${stageTag(stage)}`);
  const program = join(import.meta.dirname, "support", "enter.ts");
  return await execa(process.execPath, [program, command, ...references], {
    env: { STRATA_HOME: stack.home.root },
    reject: false,
    stdin: "ignore",
  });
}

test("a shell in a stage sees the product's stages up to it, and no further", { skip }, async () => {
  await stack.up();
  const { stdout, exitCode } = await enter("a", "cat /etc/strata; ls /opt; exit 3");
  assert.deepEqual(stdout.split("\n"), ["strata", "a", "c"]);
  assert.equal(exitCode, 3);
  const product = await enter("small", "ls /opt; id -u; hostname; echo $FROM_THE_RECIPE");
  assert.deepEqual(product.stdout.split("\n"), ["a", "b", "c", "0", "inside", "yes"]);
});

test("what a shell writes is gone, and nothing of it stays mounted or running", { skip }, async () => {
  const first = await enter("a", "echo x >/opt/a/value && rm /etc/strata && cat /opt/a/value");
  assert.equal(first.stdout, "x");
  const second = await enter("a", "cat /opt/a/value /etc/strata");
  assert.equal(second.stdout, "2\nstrata");
  assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(stack.home.shell));
  assert.deepEqual(readdirSync(join(stack.home.shell, "runs")), []);
  assert.deepEqual(readdirSync(join(stack.home.run, "runc")), []);
});

test("a shell whose program is killed leaves no process, and the next one clears up", { skip }, async () => {
  const references = fileSystem(stack.plan(), "a").map((stage) => `${stack.repository}:${stageTag(stage)}`);
  const program = join(import.meta.dirname, "support", "enter.ts");
  const child = execa(process.execPath, [program, "echo up; exec sleep 987", ...references], {
    env: { STRATA_HOME: stack.home.root },
    reject: false,
    stdin: "ignore",
  });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await child;
  const sleepers = () =>
    readdirSync("/proc").filter((pid) => commandLine(Number(pid)).join(" ") === "sleep 987");
  for (let tries = 0; sleepers().length > 0 && tries < 50; tries++) await sleep(100);
  assert.deepEqual(sleepers(), []);
  await enter("a", "true");
  assert.deepEqual(readdirSync(join(stack.home.shell, "runs")), []);
});

test("a file and a folder that a layer removes are gone in a shell", { skip }, async () => {
  stack.edit(
    "system/Dockerfile",
    `${smallLayers["system/Dockerfile"]}RUN rm /etc/motd && rm -rf /etc/cron.d && mkdir /etc/cron.d && touch /etc/cron.d/new\n`,
  );
  assert.equal(await build("system"), 0);
  const { stdout } = await enter("system", "ls -A /etc/cron.d; test -e /etc/motd || echo gone");
  assert.equal(stdout, "new\ngone");
});

test("a stage that fails leaves the stack as it is", async () => {
  const known = await recorded();
  stack.edit("c/Dockerfile", "FROM system\nRUN exit 3\n");
  assert.notEqual(await build("c"), 0);
  assert.deepEqual(await recorded(), known);
  assert.deepEqual(await resources(), ["small", "small-a", "small-b", "small-c", "small-system"]);
});

test("a recipe outside of the repository: locked, built and entered by the commands themselves", async () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-own-"));
  try {
    const file = writeOwnRecipe(folder);
    const run = (tool: string, ...args: string[]) =>
      execa(process.execPath, [join(repository, "tools/commands", tool), ...args], {
        cwd: repository,
        env: { STRATA_HOME: stack.home.root, STRATA_RECIPE: file },
        stdin: "ignore",
      });
    await run("lock.ts", "--recipe", file);
    const built = await run("stage.ts", "--layer", "hello");
    assert.match(
      built.stdout,
      /stage {5}hello: hello\nimage {5}127\.0\.0\.1:\d+\/strata@sha256:[0-9a-f]{64}\n/,
    );
    assert.match(built.stdout, /13 B {2}\/value/);
    assert.match(built.stderr, /tiny-system: done/);
    assert.doesNotMatch(built.stderr, /tiny: |smoke|promotion/);
    if (skip) return;
    const { stdout } = await run("shell.ts", "--layer", "hello", "--command", 'cat /value; echo "$GREETING"');
    assert.equal(stdout, "from outside\nhello");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
