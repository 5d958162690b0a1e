/**
 * `make up` where nothing has changed: it says so without Pulumi, and whatever may differ is noticed. The real program
 * with a small recipe, the real builder and registry.
 */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { repository } from "../../home.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import { storeEvidence } from "../../tools/promotion/evidence-store.ts";
import { unchangedSince } from "../../tools/pulumi/unchanged.ts";
import { stopServices } from "../../tools/services/services.ts";
import { plannedStack, recordOf } from "../../tools/stack/outputs.ts";
import { type Stack, statePath } from "../../tools/stack/stack.ts";
import { evidenceFor } from "../support/evidence.ts";
import { writeFile } from "../support/layers.ts";
import { setVariables } from "../unit/support/folder.ts";
import { writeOwnRecipe } from "./support/own-recipe.ts";
import { openTestStack, type TestStack } from "./support/stack.ts";

let services: TestStack;
let folder: string;
let stack: Stack;
const product = { reference: "", checks: "" };

/** A command as `make` starts it. */
const command = (name: string, ...args: string[]) =>
  execa(process.execPath, [join(repository, "tools/commands", name), ...args], {
    cwd: repository,
    env: { STRATA_RECIPE: process.env.STRATA_RECIPE, STRATA_HOME: services.home.root },
    stdin: "ignore",
    reject: false,
    all: true,
  });

before(async () => {
  services = await openTestStack();
  folder = mkdtempSync(join(tmpdir(), "strata-unchanged-"));
  process.env.STRATA_RECIPE = writeOwnRecipe(folder);
  process.env.STRATA_HOME = services.home.root;
  stack = { ...services.stack, name: "dev", folder: repository, project: "strata" };
  const locked = await command("lock.ts", "--recipe", process.env.STRATA_RECIPE);
  assert.equal(locked.exitCode, 0, locked.all);
  // Nothing in the image can be tested: the first update ends there, the next one finds evidence.
  assert.notEqual((await command("up.ts", "--stack", "dev")).exitCode, 0);
  product.reference = (
    await recordOf(services.home, stack).then((record) => record.product as typeof product)
  ).reference;
  product.checks = (await plannedStack(services.home, stack)).checks;
  await storeEvidence(evidenceFor(product.reference, { recipe: "tiny", checksKey: product.checks }));
  const whole = await command("up.ts", "--stack", "dev");
  assert.equal(whole.exitCode, 0, whole.all);
  assert.doesNotMatch(whole.all, /everything is as/);
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await services?.close();
});

/** What differs now; nothing where all is as it was. */
async function differs(): Promise<string> {
  const now = await unchangedSince(services.home, "dev");
  return "record" in now ? "" : now.differs.join(", ") || "cannot be told";
}

test("it says what the last one left, and --full runs Pulumi all the same", async (t) => {
  const again = await command("up.ts", "--stack", "dev");
  assert.equal(again.exitCode, 0, again.all);
  assert.match(again.stderr, /^update: everything is as the one of 20\S+Z left it; make up FULL=1 /);
  assert.ok(again.stdout.includes(`image     ${product.reference}\n`), again.stdout);
  assert.match(again.stdout, /evidence {2}pass: \d+ passed/);
  assert.doesNotMatch(again.all, /services:|Pulumi|toolchain:/);
  t.diagnostic(`an unchanged make up takes ${again.durationMs} ms`);
  const full = await command("up.ts", "--stack", "dev", "--full");
  assert.equal(full.exitCode, 0, full.all);
  assert.match(full.all, /services: registry/);
  assert.equal(await differs(), "");
});

/** A file with another text for the time of `work`. */
async function changed(path: string, text: string, work: () => Promise<void>): Promise<void> {
  const before = existsSync(path) ? readFileSync(path) : undefined;
  writeFileSync(path, text);
  try {
    await work();
  } finally {
    if (before) writeFileSync(path, before);
    else rmSync(path);
  }
  assert.equal(await differs(), "", `${path} is as it was`);
}

test("a layer's files are noticed: another text, a new one, a mode, one that is gone", async () => {
  const value = join(folder, "hello/value");
  await changed(value, "changed\n", async () => assert.equal(await differs(), "the plan"));
  await changed(join(folder, "hello/new"), "", async () => assert.equal(await differs(), "the plan"));
  chmodSync(value, 0o755);
  assert.equal(await differs(), "the plan");
  chmodSync(value, 0o644);
  renameSync(value, join(folder, "value"));
  assert.equal(await differs(), "the plan");
  renameSync(join(folder, "value"), value);
  assert.equal(await differs(), "");
});

test("another recipe, in its text alone, is noticed by the command", async () => {
  const file = process.env.STRATA_RECIPE ?? "";
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace("1 GB", "2 GB"));
  const run = await command("up.ts", "--stack", "dev");
  assert.match(run.stderr, /^update: changed since the last one: the plan\n/);
  writeFileSync(file, text);
  const back = await command("up.ts", "--stack", "dev");
  assert.equal(back.exitCode, 0, back.all);
  assert.equal(await differs(), "");
});

test("variables are noticed, and a secret's own text is not kept", async (t) => {
  for (const [name, what] of Object.entries({
    STRATA_GENERATION: "the plan",
    STRATA_BUILDER_GC_GB: "the environment",
    DOCKER_CONTEXT: "the environment",
    PULUMI_CONFIG_PASSPHRASE: "the environment",
  })) {
    await t.test(name, async (inner) => {
      setVariables(inner, { [name]: name === "STRATA_GENERATION" ? "cpu" : "7" });
      if (what === "the plan") assert.match(await differs(), /environment/);
      else assert.equal(await differs(), what);
    });
  }
  assert.equal(await differs(), "");
});

test("tools, services, the base image and Pulumi's state are noticed", async () => {
  const { home } = services;
  for (const [path, what] of [
    [home.toolchain, "the toolchain"],
    [home.images, "the base image, the plan"],
    [statePath(home, stack), "Pulumi's state"],
  ] as const) {
    const text = readFileSync(path, "utf8");
    const other = path === home.images ? "{}" : `${text}\n`;
    await changed(path, other, async () => assert.equal(await differs(), what));
  }
  const lock = join(home.state, ".pulumi/locks/organization/strata/dev/one.json");
  writeFile(dirname(lock), "one.json", "{}");
  assert.equal(await differs(), "another update");
  rmSync(lock);
  assert.equal(await differs(), "");
});

test("what happens in the registry is noticed: a tag elsewhere, an image that is gone, a newer failure", async () => {
  const record = await recordOf(services.home, stack);
  const { tags } = record.product as { tags: string[] };
  const [tag = ""] = tags;
  const [images = ""] = product.reference.split("@");
  const system = String((record.stages as Record<string, { digest: string }>).system?.digest);
  await tagManifest(`${images}@${system}`, tag.split(":").at(-1) ?? "");
  assert.equal(await differs(), "its tags");
  await tagManifest(product.reference, tag.split(":").at(-1) ?? "");
  assert.equal(await differs(), "");

  const stored = join(
    services.home.registry,
    "docker/registry/v2/repositories/strata/_manifests/revisions/sha256",
  );
  const one = join(stored, system.slice("sha256:".length));
  renameSync(one, join(folder, "away"));
  assert.equal(await differs(), "its images");
  renameSync(join(folder, "away"), one);
  assert.equal(await differs(), "");

  const evidence = evidenceFor(product.reference, { recipe: "tiny", checksKey: product.checks });
  const [first, ...rest] = evidence.checks;
  assert.ok(first);
  const startedAt = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
  const checks = [{ ...first, status: "fail" as const, reason: "broken" }, ...rest];
  await storeEvidence({ ...evidence, verdict: "fail", startedAt, checks });
  assert.equal(await differs(), "its evidence");
});

test("services that do not answer are noticed", async () => {
  await stopServices(services.home);
  assert.match(await differs(), /services/);
});
