/**
 * Pulumi's own commands, typed by hand on the real program with a small recipe, the real engine, builder and registry.
 * The image has nothing to be tested by, so its first update fails; later ones find evidence that the test stores.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { repository } from "../../home.ts";
import type { PlannedStack, Preview } from "../../lib/preview/preview-schema.ts";
import type { RecordedStack } from "../../lib/state/recorded-stack.ts";
import { imageExists } from "../../oci/read/image.ts";
import { storeEvidence } from "../../tools/promotion/evidence-store.ts";
import { plannedStack, recordOf } from "../../tools/stack/outputs.ts";
import type { Stack } from "../../tools/stack/stack.ts";
import { evidenceFor } from "../support/evidence.ts";
import { writeFile } from "../support/layers.ts";
import { freePort } from "../support/port.ts";
import { writeOwnRecipe } from "./support/own-recipe.ts";
import { openTestStack, type TestStack } from "./support/stack.ts";

const NAME = "dev";
let services: TestStack;
let folder: string;
let stack: Stack;
let environment: Readonly<Record<string, string>>;

before(async () => {
  services = await openTestStack();
  folder = mkdtempSync(join(tmpdir(), "strata-cli-"));
  process.env.STRATA_RECIPE = writeOwnRecipe(folder);
  environment = { ...services.stack.environment, STRATA_RECIPE: process.env.STRATA_RECIPE };
  stack = { ...services.stack, name: NAME, folder: repository, project: "strata", environment };
  const locked = await tool("lock.ts", ["--recipe", process.env.STRATA_RECIPE]);
  assert.equal(locked.exitCode, 0, locked.all);
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await services?.close();
});

const options = (more: Readonly<Record<string, string>>) =>
  ({ cwd: repository, env: { ...environment, ...more }, stdin: "ignore", reject: false, all: true }) as const;
const pulumi = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  execa(stack.pulumi, [...args, "--stack", NAME], options(more));
/** A command of ours, which knows our backend by itself. */
const tool = (name: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  execa(process.execPath, [join(repository, "tools/commands", name), ...args], {
    ...options({}),
    env: { ...environment, PULUMI_BACKEND_URL: undefined, PULUMI_CONFIG_PASSPHRASE: undefined, ...more },
  });

const recorded = (): Promise<RecordedStack> => recordOf(services.home, stack);
const productOf = (record: RecordedStack) => record.product as { reference: string; digest: string };
const exported = async () => JSON.parse((await pulumi(["stack", "export"])).stdout);
const urnOf = async (type: string, name: string): Promise<string> => {
  const resources: { urn: string; type: string }[] = (await exported()).deployment.resources;
  return resources.find((each) => each.type === type && each.urn.endsWith(`::${name}`))?.urn ?? "";
};

/** What `make preview` says. */
async function preview(more: Readonly<Record<string, string>> = {}): Promise<PlannedStack> {
  const run = await tool("preview.ts", ["--stack", NAME, "--json"], more);
  const [found] = (JSON.parse(run.stdout) as Preview).stacks;
  assert.ok(found && found.verdict !== "failed", run.all);
  return found;
}
const verdicts = ({ stages }: PlannedStack) =>
  Object.fromEntries(stages.map(({ name, verdict }) => [name, verdict]));
const unchanged = { system: "unchanged", hello: "unchanged", tiny: "unchanged" };

/** `pulumi up`, with the evidence that it needs. */
async function up(args: readonly string[] = []) {
  return await pulumi(["up", "--yes", ...args]);
}

test("without builder and registry an update ends before it begins, and says what makes them", async () => {
  assert.equal((await pulumi(["stack", "init"])).exitCode, 0);
  const home = join(folder, "elsewhere");
  const address = `127.0.0.1:${await freePort()}`;
  const nowhere = { builder: { address }, registry: { address } };
  writeFile(home, "services.json", JSON.stringify(nowhere));
  writeFileSync(join(home, "images.json"), readFileSync(services.home.images));
  const run = await pulumi(["up", "--yes", "--skip-preview"], { STRATA_HOME: home, DOCKER_CONFIG: home });
  assert.notEqual(run.exitCode, 0);
  assert.match(run.stdout, /registry 127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\)\. .*`make up`/);
  assert.doesNotMatch(run.stdout, /unhandled exception|node:internal|docker-build:index:Image/);
});

test("after a first update that fails, a preview compares with what was built", async () => {
  const run = await up(["--skip-preview"]);
  assert.notEqual(run.exitCode, 0, run.stdout);
  assert.match(run.stdout, /tiny-smoke \*\*creating failed\*\*/);
  const seen = await preview();
  assert.deepEqual(seen.comparedWith, { kind: "outputs" });
  assert.deepEqual(verdicts(seen), unchanged);
  assert.deepEqual([seen.promoted, seen.evidence, seen.test?.due], [null, null, true]);
  // Another backend is asked through its CLI, here for the same files, with the passphrase that it wants to be given.
  const { PULUMI_BACKEND_URL = "", PULUMI_CONFIG_PASSPHRASE = "" } = environment;
  const other = await preview({ PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE });
  assert.deepEqual({ ...other, engine: null }, { ...seen, engine: null });
});

test("an unchanged update prints a screen", async (t) => {
  const { reference } = productOf(await recorded());
  const { checks } = await plannedStack(services.home, stack);
  await storeEvidence(evidenceFor(reference, { recipe: "tiny", checksKey: checks }));
  const first = await up(["--skip-preview"]);
  assert.equal(first.exitCode, 0, first.all);
  const second = await up();
  assert.equal(second.exitCode, 0, second.all);
  const lines = second.stdout.split("\n").length;
  t.diagnostic(`an unchanged pulumi up --yes prints ${lines} lines`);
  assert.ok(lines < 40, second.stdout);
  const again = await up(["--skip-preview"]);
  assert.match(again.stdout, new RegExp(`image *: "${reference}"`));
  assert.match(again.stdout, /evidence *: "pass: \d+ passed"/);
  assert.match(again.stdout, new RegExp(`run *: "docker run --rm ${reference}"`));
  assert.match(again.stdout, /\[0\]: "127\.0\.0\.1:\d+\/strata:tiny-cpu"/);
  assert.equal((await preview()).verdict, "unchanged");
});

test("a state of the former form previews rightly, and is brought to today's by the next update", async () => {
  const { stages, product, evidence, outputs } = await recorded();
  const state = await exported();
  for (const resource of state.deployment.resources) {
    if (resource.type === "pulumi:pulumi:Stack")
      resource.outputs = { recipe: "tiny", product, stages, evidence };
    if (resource.type === "strata:index:ImageStage") delete resource.outputs.role;
  }
  const file = join(folder, "former.json");
  writeFileSync(file, JSON.stringify(state));
  assert.equal((await pulumi(["stack", "import", "--file", file])).exitCode, 0);
  const seen = await preview();
  assert.equal(seen.verdict, "unchanged");
  assert.equal(seen.promoted?.digest, (product as { digest: string }).digest);
  assert.equal((await up(["--skip-preview"])).exitCode, 0);
  assert.deepEqual((await recorded()).outputs, outputs);
});

test("--target on a stage builds it alone; the others are what they were", async () => {
  const known = await recorded();
  writeFile(folder, "hello/value", "changed\n");
  const system = await urnOf("docker-build:index:Image", "tiny-system");
  const beside = await up(["--skip-preview", "--target", system]);
  assert.equal(beside.exitCode, 0, beside.all);
  // The program has registered what it wants of `hello`, which was not built.
  const [hello] = (await preview()).stages.filter(({ name }) => name === "hello");
  assert.equal(hello?.verdict, "rebuild");
  assert.deepEqual(
    hello.causes.map(({ kind, name }) => `${kind} ${name}`),
    ["record of its inputs"],
  );
  const run = await up(["--skip-preview", "--target", await urnOf("docker-build:index:Image", "tiny-hello")]);
  assert.equal(run.exitCode, 0, run.all);
  assert.deepEqual(verdicts(await preview()), { ...unchanged, tiny: "rebuild" });
  const now = await recorded();
  assert.deepEqual([now.product, now.outputs], [known.product, known.outputs]);
  writeFile(folder, "hello/value", "from outside\n");
  const undone = await up(["--skip-preview"]);
  assert.equal(undone.exitCode, 0, undone.all);
  assert.equal((await preview()).verdict, "unchanged");
});

test("an image that is gone from the registry: refresh leaves the stack, the update says what to do", async () => {
  const { repository: images, stages } = await recorded();
  const digest = String((stages?.hello as { digest?: string } | undefined)?.digest);
  const revisions = join(
    services.home.registry,
    "docker/registry/v2/repositories/strata/_manifests/revisions/sha256",
  );
  rmSync(join(revisions, digest.slice("sha256:".length)), { recursive: true });
  assert.equal(await imageExists(`${images}@${digest}`), false);
  const refreshed = await pulumi(["refresh", "--yes", "--skip-preview"]);
  assert.equal(refreshed.exitCode, 0, refreshed.all);
  const run = await up(["--skip-preview"]);
  assert.notEqual(run.exitCode, 0, run.stdout);
  const told = /not in its registry any more\. Make it again: pulumi up --replace '([^']+)'/.exec(run.stdout);
  assert.equal(told?.[1], await urnOf("docker-build:index:Image", "tiny-hello"), run.stdout);
  const mended = await up(["--skip-preview", "--replace", told?.[1] ?? ""]);
  assert.equal(mended.exitCode, 0, mended.all);
  assert.equal(await imageExists(`${images}@${digest}`), true);
});

test("an update by a plan that was saved", async () => {
  const plan = join(folder, "plan.json");
  const saved = await pulumi(["preview", "--save-plan", plan]);
  assert.equal(saved.exitCode, 0, saved.all);
  const run = await up(["--skip-preview", "--plan", plan]);
  assert.equal(run.exitCode, 0, run.all);
});

test("a lock that says nothing: ours names its file, and pulumi cancel removes it", async () => {
  const lock = join(services.home.state, ".pulumi/locks/organization/strata", NAME, "cut.json");
  mkdirSync(dirname(lock), { recursive: true });
  writeFileSync(lock, "");
  const ours = await tool("stage.ts", ["--layer", "hello", "--stack", NAME]);
  assert.equal(ours.exitCode, 1);
  assert.ok(ours.stderr.includes(`rm '${lock}'`), ours.stderr);
  assert.notEqual((await up(["--skip-preview"])).exitCode, 0);
  assert.equal((await pulumi(["cancel", "--yes"])).exitCode, 0);
  assert.equal((await up(["--skip-preview"])).exitCode, 0);
});

test("a passphrase of another project: the variable is named, and reading needs none", async () => {
  const foreign = { PULUMI_CONFIG_PASSPHRASE: "of-elsewhere" };
  const ours = await tool("preview.ts", ["--stack", NAME], foreign);
  assert.match(
    ours.stdout,
    /stack dev: does not open with what PULUMI_CONFIG_PASSPHRASE holds; .*unset PULUMI_CONFIG_PASSPHRASE/,
  );
  assert.match((await pulumi(["up", "--yes"], foreign)).all ?? "", /incorrect passphrase/);
  assert.equal((await pulumi(["stack", "export"], foreign)).exitCode, 0);
});

test("a wrong name is no stack: Pulumi has none, and ours names the nearest", async () => {
  const theirs = await execa(stack.pulumi, ["up", "--yes", "--stack", "devv"], options({}));
  assert.match(theirs.all ?? "", /no stack named 'devv' found/);
  const ours = await tool("stage.ts", ["--layer", "hello", "--stack", "devv"]);
  assert.match(ours.stderr, /stack devv: there is no Pulumi\.devv\.yaml\. Did you mean "dev"\?/);
});

test("destroy leaves every image where it is, and says so", async () => {
  const { stages, repository: images } = await recorded();
  const run = await pulumi(["destroy", "--yes"]);
  assert.equal(run.exitCode, 0, run.all);
  assert.match(run.stdout, /docker-build:index:Image tiny-hello .*retain/);
  for (const [name, stage] of Object.entries(stages ?? {}))
    assert.ok(await imageExists(`${images}@${(stage as { digest: string }).digest}`), name);
  assert.equal((await preview()).verdict, "new");
});
