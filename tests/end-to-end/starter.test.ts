/** `make up` of the recipe `starter`, for real, as a user runs it in this clone. */
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { z } from "zod";
import { home, repository } from "../../home.ts";
import { unownedFiles } from "../../lib/bill/ownership.ts";
import { absentChecks } from "../../lib/evidence/check-results.ts";
import { parseEvidence } from "../../lib/evidence/evidence.ts";
import { keptLogin } from "../../oci/access/logins.ts";
import { Transport } from "../../oci/access/transport.ts";
import { readImage } from "../../oci/read/image.ts";
import { parseReference } from "../../oci/references.ts";
import { readFiles } from "../../tools/attestation/read-files.ts";
import { storedBill } from "../../tools/attestation/stored-bill.ts";
import { buildInBuilder } from "../../tools/builder/builder.ts";
import { auditImage } from "../../tools/commands/audit/read-image.ts";
import { openStack } from "../../tools/pulumi/open-stack.ts";
import { recallServices } from "../../tools/services/record.ts";
import { recordOf } from "../../tools/stack/outputs.ts";
import { startEngine, whyNoEngine } from "../integration/support/engine.ts";
import { containerBlocks, typeCommands } from "../integration/support/written-commands.ts";

const recordSchema = z.object({
  product: z.object({
    reference: z.string(),
    digest: z.string(),
    bytes: z.number(),
    tags: z.array(z.string()),
  }),
  stages: z.record(z.string(), z.object({ key: z.string(), digest: z.string(), bytes: z.number() })),
});
/** What the stack's state says of its image. */
type Recorded = z.infer<typeof recordSchema>;

/** Runs a make target without a terminal; its lines are shown as they come. */
async function make(target: string, ...words: string[]): Promise<string> {
  const child = execa("make", [target, "STACK=dev", ...words], {
    cwd: repository,
    stdin: "ignore",
    all: true,
    reject: false,
  });
  child.all.pipe(process.stderr, { end: false });
  const { all, exitCode } = await child;
  assert.equal(exitCode, 0, `make ${target} failed`);
  return all;
}

async function up(...words: string[]): Promise<Recorded & { log: string }> {
  const log = await make("up", ...words);
  const record = await recordOf(home, await openStack(home, "dev"));
  return { ...recordSchema.parse(record), log };
}

const entrypoint = join(repository, "layers/runtime/rootfs/opt/strata/runtime/entrypoint");
const original = readFileSync(entrypoint, "utf8");

let first: Recorded;
before(async () => {
  first = await up();
});
after(() => writeFileSync(entrypoint, original));

test("the digest that is printed is in the registry, with evidence of all checks about exactly it", async () => {
  const { digest } = await readImage(first.product.reference);
  assert.equal(digest, first.product.digest);
  const file = join(home.evidence, `${digest.replace(":", "-")}.json`);
  const evidence = parseEvidence(readFileSync(file, "utf8"), file);
  assert.equal(evidence.digest, digest);
  assert.equal(evidence.verdict, "pass");
  assert.deepEqual(absentChecks(evidence), []);
});

test("the promoted tag points at it", async () => {
  assert.ok(first.product.tags.length > 0);
  for (const tag of first.product.tags) assert.equal((await readImage(tag)).digest, first.product.digest);
});

test("it is under 3.3 GB, no path is in two layers, CUDA is there once", async () => {
  const report = await auditImage(first.product.reference, { cache: home.audit });
  assert.deepEqual(
    report.findings.filter(({ severity }) => severity === "broken"),
    [],
  );
  assert.equal(first.product.bytes, (await readImage(first.product.reference)).bytes);
  assert.ok(first.product.bytes < 3.3e9, String(first.product.bytes));
});

test("every file of the unpacked image is a component's in its bill of materials, or has its reason", async () => {
  const transport = new Transport();
  const { reference } = first.product;
  const found = unownedFiles(await storedBill(reference, transport), await readFiles(reference, transport));
  assert.deepEqual(found.files, []);
});

test("its layers are the stage images' layers", async () => {
  const { layers, config } = await readImage(first.product.reference);
  const names: string[] = JSON.parse(config.config?.Labels?.["strata.layers"] ?? "[]");
  assert.equal(names.length, 8);
  const repositoryName = first.product.reference.split("@")[0];
  const stages = await Promise.all(
    names.map(async (name) => (await readImage(`${repositoryName}@${first.stages[name]?.digest}`)).layers),
  );
  // CUDA's libraries come as several, so that engines fetch them side by side.
  const cuda = stages[names.indexOf("cuda")] ?? [];
  assert.ok(cuda.length >= 5 && cuda.every(({ size }) => size < 500e6), JSON.stringify(cuda));
  const own = layers.slice(-stages.flat().length).map(({ digest }) => digest);
  assert.deepEqual(
    own,
    stages.flat().map(({ digest }) => digest),
  );
});

/** The tests that want torch, in the image's own environment; what they find comes out whether they pass or not. */
const testsInImage = `
FROM product AS tested
ARG RUN
RUN --network=none --mount=type=bind,target=/smoke \\
    cd /smoke/tests && python -B -m unittest --verbose test_torch test_attention >/tmp/found 2>&1 || [ -s /tmp/found ]
FROM scratch
COPY --from=tested /tmp/found /
`;

test("the smoke checks' computations with torch can fail: their tests pass in the image, and none is skipped", async () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-smoke-tests-"));
  try {
    const context = join(folder, "context");
    cpSync(join(repository, "smoke"), context, { recursive: true });
    writeFileSync(join(context, "Dockerfile"), testsInImage);
    const builder = (await recallServices(home))?.builder.name ?? "";
    const result = await buildInBuilder(home, builder, {
      folder: context,
      images: { product: first.product.reference },
      // Run each time they are asked for, as the checks themselves.
      args: { RUN: new Date().toISOString() },
      output: `type=local,dest=${folder}`,
    });
    assert.ok(result.ok, result.all);
    const found = readFileSync(join(folder, "found"), "utf8");
    // "OK (skipped=8)" is what a Python without torch ends with.
    assert.match(found, /^Ran \d+ tests in .*\n\nOK$/m, found);
    for (const name of ["CompareTest", "ComputeTest"])
      assert.match(found, new RegExp(`${name}.*\\.\\.\\. ok$`, "m"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const noEngine = whyNoEngine();
test("README's commands run it on a Docker engine as they stand there, and so does whoever is given", {
  skip: noEngine ?? false,
}, async () => {
  const image = first.product.reference;
  await using engine = await startEngine();
  const folder = mkdtempSync(join(tmpdir(), "strata-typed-"));
  try {
    const docker = async (...words: string[]) => {
      const { exitCode, all, stdout } = await engine.docker(...words);
      assert.equal(exitCode, 0, all);
      return stdout.trim();
    };
    // As `make up` does where it has the engine.
    const { registry } = parseReference(image);
    const login = await keptLogin(home.logins, registry);
    assert.ok(login?.kind === "password");
    await execa("docker", ["login", "--username", login.username, "--password-stdin", registry], {
      env: engine.environment,
      input: login.password,
    });
    await docker("pull", "--quiet", image);
    // The model that README's second command names.
    mkdirSync(join(folder, "models"));
    const container = await docker("create", image);
    await docker("cp", `${container}:/opt/strata/models/counting.gguf`, join(folder, "models/model.gguf"));
    await docker("rm", container);
    const [block = []] = containerBlocks(readFileSync(join(repository, "README.md"), "utf8"));
    const outputs = await typeCommands(engine, block, { image, folder });
    assert.match(
      outputs[block.findIndex(({ command }) => command.includes("/v1/completions"))] ?? "",
      / three four five/,
    );
    const system = JSON.parse(outputs[block.findIndex(({ command }) => command.includes("/system"))] ?? "");
    assert.equal(system.image.recipe, "starter");

    const hard = ["--user", "1234:1234", "--read-only", "--tmpfs", "/tmp"];
    const stranger = await docker("run", "--detach", ...hard, image);
    for (let tries = 0; tries < 120; tries++) {
      const health = await engine.docker("exec", stranger, "/opt/strata/runtime/healthcheck");
      if (health.exitCode === 0) return;
      await sleep(500);
    }
    assert.fail((await engine.docker("logs", stranger)).all);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a second `make up` builds, tests and pushes nothing", async () => {
  const second = await up();
  assert.deepEqual(second.product, first.product);
  assert.match(second.log, /^update: everything is as the one of \S+ left it/m);
  const full = await up("FULL=1");
  assert.deepEqual(full.product, first.product);
  assert.doesNotMatch(full.log, /: (build|update|rebuild)$/m);
});

test("an edited file of runtime: preview names it as the cause, `up` changes that stage and the product alone", async () => {
  appendFileSync(entrypoint, "# edited by the end-to-end test\n");
  const preview = await make("preview");
  const changed = [...preview.matchAll(/^[├└]─ (\S+) +(create|rebuild|remove)\b/gm)].map((match) => match[1]);
  assert.deepEqual(changed, ["runtime", "starter"]);
  assert.match(preview, /^│ +file layers\/runtime\/rootfs\/opt\/strata\/runtime\/entrypoint changed$/m);

  const edited = await up();
  assert.match(edited.log, /^update: changed since the last one: layers, the plan$/m);
  const moved = Object.keys(edited.stages).filter(
    (name) => edited.stages[name]?.digest !== first.stages[name]?.digest,
  );
  assert.deepEqual(moved.sort(), ["runtime", "starter"]);
  assert.ok((edited.stages.runtime?.bytes ?? Infinity) < 1e6);

  writeFileSync(entrypoint, original);
  assert.deepEqual((await up()).product, first.product, "the former file gives the former digest");
});
