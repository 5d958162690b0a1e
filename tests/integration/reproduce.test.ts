/**
 * Stages built again on a second, empty builder: which come out equal, and what of the others differs, file by file. And what
 * BuildKit itself has written down of the first builds, beside the stages.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile as writeOwn } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Home, homeAt } from "../../home.ts";
import { keySigner } from "../../lib/attestation/signer.ts";
import { signingKey, verifyingKey } from "../../lib/attestation/sigstore-bundle.ts";
import { provenance } from "../../lib/attestation/slsa-provenance.ts";
import { buildVersions } from "../../lib/attestation/stage-provenance.ts";
import { writeBuildContext } from "../../lib/plan/build-context.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import { defaultCompression, packing } from "../../lib/registry/compression.ts";
import { stageTag } from "../../lib/registry/tags.ts";
import {
  REPRODUCTION_TYPE,
  type Reproduction,
  reproductionLine,
  statedReproduction,
} from "../../lib/reproduction/reproduction.ts";
import { Transport } from "../../oci/access/transport.ts";
import { digestOf } from "../../oci/blob-digest.ts";
import { attachDocument, unsigned } from "../../tools/attestation/attach.ts";
import { attachStageProvenance } from "../../tools/attestation/attach-stages.ts";
import { buildctlOf } from "../../tools/builder/build-records.ts";
import { buildInBuilder } from "../../tools/builder/builder.ts";
import { bytesOf, cacheUsage, pruneUnused, unusedFor } from "../../tools/builder/cache-usage.ts";
import { furtherStatements } from "../../tools/commands/verify/further-statements.ts";
import { findProcess, identify } from "../../tools/program/processes.ts";
import { plainStatements, storedProvenance } from "../../tools/promotion/plain-statements.ts";
import { storedStatements } from "../../tools/promotion/stored-statements.ts";
import { attachReproduction } from "../../tools/reproduction/attach-reproduction.ts";
import { byProvenance } from "../../tools/reproduction/published-product.ts";
import { reproduceStages } from "../../tools/reproduction/reproduce-stages.ts";
import { spareHome, withSpareBuilder } from "../../tools/reproduction/spare-builder.ts";
import { ensureServices, stopServices } from "../../tools/services/services.ts";
import { ensureTools } from "../../tools/toolchain/toolchain.ts";
import { plan, sampleLayer, sampleRecipe, writeFile } from "../support/layers.ts";
import { freePort } from "../support/port.ts";
import { signingPair } from "../support/signing.ts";
import { pushImage } from "./support/push-image.ts";
import { finish } from "./support/small-layers.ts";
import { programFiles, tarOf } from "./support/tiny-image.ts";

/** A stage that does `command` in `/out/opt/NAME`, on what the builder has below. */
const stage = (name: string, command: string) =>
  [
    "FROM system AS build",
    "ARG SOURCE_DATE_EPOCH",
    `RUN --network=none mkdir -p /out/opt/${name} && cd /out/opt/${name} && ${command} && ${finish}`,
  ].join("\n");

const dockerfiles = {
  system: "FROM base\nLABEL strata=1\n",
  stable: stage("stable", "seq 100000 >numbers"),
  // Both are what real stages did once: a time in a file, and a list in the order of a hash.
  clock: stage("clock", "echo same >other && echo built at $(date +%s%N) >built"),
  shuffled: stage("shuffled", "seq 200 | shuf >list"),
  dated: "FROM scratch\nCOPY value /opt/dated/value\n",
  cores: stage("cores", "nproc >count"),
  machine: stage("machine", "uname -n >name"),
  // All that the second builder has otherwise and its steps do not see.
  unseen: stage(
    "unseen",
    'umask >umask && touch file && mkdir folder && echo "$LC_ALL $LANG $TZ" >locale && date -d @0 >zone',
  ),
  // Built from one that does not come out equal: from its published image it does.
  later: `${stage("later", "true")}COPY --from=clock /opt/clock/built /copied\n`,
} as const;

const dockerfileCount = Object.keys(dockerfiles).length;

let root: string;
let home: Home;
let transport: Transport;
let repository: string;
let base: string;
let planned: Plan;
let found: Reproduction;
/** Stages that have BuildKit's provenance. */
let told: number;
const own = signingPair();
const facts = { id: "urn:strata:builder:first", versions: { buildkit: "v0.0.1" } };
const published = new Map<string, { key: string; digest: string }>();

before(async () => {
  root = mkdtempSync(join(tmpdir(), "strata-reproduce-"));
  home = homeAt(join(root, "home"));
  process.env.STRATA_REGISTRY_PORT = String(await freePort());
  const tools = await ensureTools(home, ["buildkitd", "buildctl", "runc", "registry"], true);
  const services = await ensureServices(home, { kind: "buildkitd" }, tools);
  repository = `${services.registry.address}/again`;
  transport = new Transport({ logins: home.logins, attempts: 2, backoffMs: 50 });
  base = await pushBase();
  for (const [name, text] of Object.entries(dockerfiles))
    writeFile(join(root, "layers"), `${name}/Dockerfile`, text);
  writeFile(join(root, "layers"), "dated/value", "by us\n");
  const parents = (name: string) =>
    name === "system" ? [] : name === "later" ? ["system", "clock"] : ["system"];
  const layers = Object.keys(dockerfiles).map((name) =>
    sampleLayer(
      name,
      parents(name),
      name === "system" ? { role: "system" } : { owns: () => [`/opt/${name}`] },
    ),
  );
  planned = plan(join(root, "layers"), sampleRecipe(layers));
  for (const each of planned.stages) published.set(each.name, { key: each.key, digest: await publish(each) });
  told = await attachStageProvenance(
    home,
    references(),
    facts,
    transport,
    keySigner(signingKey(own.privateKey, "own")),
  );
  found = await withSpareBuilder(home, undefined, (builder) =>
    reproduceStages(
      builder,
      { plan: planned, base, repository, published, isWanted: () => true, certificates: undefined },
      transport,
    ),
  );
});
after(async () => {
  await stopServices(home);
  rmSync(root, { recursive: true, force: true });
});

async function pushBase(): Promise<string> {
  const layer = await tarOf(
    programFiles(["sh", "mkdir", "seq", "shuf", "date", "nproc", "find", "touch", "uname"]),
    ["tmp/"],
  );
  const config = {
    architecture: "amd64",
    os: "linux",
    config: { Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
  };
  return await pushImage(repository, config, [layer], transport);
}

/** Builds a stage in the first builder and pushes it, as an update does. */
async function publish(each: Plan["stages"][number]): Promise<string> {
  const named = each.parents.map((name) => [name, `${repository}@${published.get(name)?.digest}`] as const);
  const metadata = join(root, "metadata.json");
  const result = await buildInBuilder(home, "strata", {
    folder: writeBuildContext(home.contexts, each),
    images: named.length > 0 ? Object.fromEntries(named) : { base },
    args: each.args,
    // buildx has a name of its own for it.
    output: `type=image,name=${repository}:${stageTag(each)},push=true,oci-mediatypes=true,${packing(defaultCompression)}`,
    metadata,
  });
  assert.ok(result.ok, result.all);
  return JSON.parse(await readFile(metadata, "utf8"))["containerimage.digest"];
}

const references = () =>
  Object.fromEntries([...published].map(([name, { digest }]) => [name, `${repository}@${digest}`]));

const of = (name: string) => {
  const stage = found.stages.find((each) => each.name === name);
  assert.ok(stage, name);
  return stage;
};
const filesOf = (name: string) => of(name).difference?.layers.flatMap(({ files }) => files) ?? [];

test("stages that hang on their inputs alone come out equal, whatever their parents do when built again", () => {
  for (const name of ["system", "stable", "later", "unseen"]) {
    assert.deepEqual([of(name).verdict, of(name).rebuilt], ["equal", published.get(name)?.digest], name);
    assert.equal(of(name).difference, null);
  }
});

test("a time in a file is found by the file, with what it said both times", () => {
  const { verdict, reason, difference } = of("clock");
  assert.deepEqual([verdict, reason, difference?.configuration], ["different", null, []]);
  assert.deepEqual(
    filesOf("clock").map(({ path, aspects }) => [path, aspects]),
    [["opt/clock/built", ["bytes"]]],
  );
  assert.match(filesOf("clock")[0]?.detail ?? "", /^line 1: "built at \d+" and "built at \d+"$/);
});

test("a file's time that is the context's is told as a time", () => {
  const differing = filesOf("dated").map(({ path, aspects }) => [path, aspects]);
  // The file's own time is the context's, which was written anew; folders get the time of the build.
  assert.deepEqual(differing.at(-1), ["opt/dated/value", ["time"]]);
  assert.ok(differing.every(([, aspects]) => String(aspects) === "time"));
});

test("a list in another order is told as that", () => {
  assert.deepEqual(
    filesOf("shuffled").map(({ path, aspects }) => [path, aspects]),
    [["opt/shuffled/list", ["lines"]]],
  );
});

test("steps of the second builder see fewer cores, where there are several", () => {
  const [, some, all] = /^(\d+) of (\d+)$/.exec(found.varied.cores ?? "") ?? [];
  if (all === undefined) return assert.match(found.varied.cores ?? "", /as many as there are/);
  assert.equal(filesOf("cores")[0]?.detail, `line 1: "${all}" and "${some}"`);
});

test("steps of the second builder see another host name; its umask, locale and zone they do not", () => {
  assert.match(filesOf("machine")[0]?.detail ?? "", /^line 1: "buildkitsandbox" and "another-host"/);
  assert.deepEqual(Object.keys(found.varied).sort(), [
    "cores",
    "host name",
    "locale and time zone",
    "time",
    "umask",
  ]);
  assert.match(found.varied.umask ?? "", /^077 for the builder and its contexts$/);
  assert.equal(of("unseen").verdict, "equal");
});

test("while one run has the second builder, another is refused", async () => {
  const owner = join(spareHome(home).root, "owner.json");
  await writeOwn(owner, JSON.stringify(identify(process.ppid)));
  await assert.rejects(
    withSpareBuilder(home, undefined, async () => assert.fail("it ran")),
    new RegExp(`process ${process.ppid} is building stages again`),
  );
  rmSync(owner);
});

test("the second builder is gone with all that it held", () => {
  const spare = spareHome(home);
  for (const path of [spare.buildkit, spare.contexts, spare.services]) assert.ok(!existsSync(path), path);
  assert.equal(
    findProcess((args) => args.some((word) => word.startsWith(spare.run))),
    undefined,
  );
});

test("BuildKit's own provenance lies beside each stage once, signed, without a word about the machine", async () => {
  assert.equal(told, dockerfileCount);
  assert.equal(await attachStageProvenance(home, references(), facts, transport), told);
  const reference = `${repository}@${published.get("later")?.digest}`;
  assert.equal((await plainStatements(reference, transport)).length, 1);
  const statement = await storedProvenance(reference, transport);
  const { verified } = await storedStatements(
    reference,
    { keys: [verifyingKey(own.publicKey, "own")] },
    transport,
  );
  assert.deepEqual(
    verified.map((each) => each.statement),
    [statement],
  );
  const text = JSON.stringify(statement?.predicate);
  // Its parent by digest, its steps, its argument.
  assert.ok(
    text.includes(`clock=docker-image`) || text.includes(published.get("clock")?.digest.slice(7) ?? "?"),
  );
  assert.match(text, /SOURCE_DATE_EPOCH/);
  assert.doesNotMatch(text, /sysUsage|memoryStat/);
  const { compatibilityVersion, dockerfileVersion, BuildKit } = buildVersions(statement?.predicate);
  assert.equal(BuildKit, "v0.0.1");
  assert.match(`${compatibilityVersion} ${dockerfileVersion}`, /^\d+ \d+\.\d+\.\d+$/);
});

test("versions are named where they differ from those of the first build", () => {
  const [then, now] = of("clock").difference?.versions.BuildKit ?? [];
  assert.equal(then, "v0.0.1");
  assert.match(now ?? "", /^v0\.\d+\.\d+$/);
  // That is a reason for other packing alone.
  assert.equal(of("clock").reason, null);
});

/** Stands for the product: an image with a provenance that names the stages. */
async function attachProductProvenance(): Promise<void> {
  const bill = {
    recipe: "test",
    generation: "cpu",
    source: null,
    revision: "f".repeat(40),
    created: "2026-01-01T00:00:00.000Z",
    base: { name: "debian-bookworm", digest: base.split("@")[1] ?? "" },
    stages: planned.stages.map(({ name, key, role, parents }) => ({ name, key, role, bulk: false, parents })),
    key: planned.product.key,
    inProduct: [],
    components: [],
    materials: {},
  };
  const digests = Object.fromEntries([...published].map(([name, { digest }]) => [name, digest]));
  const statement = provenance(bill, base.split("@")[1] ?? "", digests, facts);
  await attachDocument(base, unsigned(statement), transport);
}

test("a product is found by its provenance, and what is said of it by who verifies", async () => {
  await assert.rejects(byProvenance(base, transport), /has no provenance of strata's beside it/);
  await attachProductProvenance();
  const product = await byProvenance(base, transport);
  assert.deepEqual([product.reference, product.repository], [base, repository]);
  assert.deepEqual([...product.published].sort(), [...published].sort());
  const sign = { kind: "key" as const, file: join(root, "own.key") };
  await writeOwn(sign.file, own.privateKey);
  const signing = { home, stack: "dev", config: { sign, trust: undefined } };
  assert.equal(await attachReproduction(base, found, signing, transport), undefined);
  const ask = async (publicKey: string) => {
    const signers = { keys: [verifyingKey(publicKey, "key")] };
    return await furtherStatements(
      base,
      await storedStatements(base, signers, transport),
      signers,
      transport,
    );
  };
  const line = `reproduced ${reproductionLine(found.stages)}; by urn:strata:builder:strata-reproduction`;
  const stages = `stages     BuildKit's own provenance of ${dockerfileCount} of ${dockerfileCount}`;
  assert.deepEqual(await ask(own.publicKey), [`signed   ${line}`, `unsigned ${line}`, `signed   ${stages}`]);
  // To whoever trusts others, nothing is signed.
  assert.deepEqual(await ask(signingPair().publicKey), [`unsigned ${line}`, `unsigned ${stages}`]);
});

test("the result lies beside the product, signed as the stack signs, and once", async () => {
  const reference = `${repository}@${published.get("stable")?.digest}`;
  const signing = {
    home,
    stack: "dev",
    config: { sign: { kind: "key" as const, file: join(root, "own.key") }, trust: undefined },
  };
  await writeOwn(join(root, "own.key"), own.privateKey);
  for (let times = 0; times < 2; times++)
    assert.equal(await attachReproduction(reference, found, signing, transport), undefined);
  const ofKind = (predicateType: string) => predicateType === REPRODUCTION_TYPE;
  assert.equal(
    (await plainStatements(reference, transport)).filter((each) => ofKind(each.predicateType)).length,
    1,
  );
  const { verified } = await storedStatements(
    reference,
    { keys: [verifyingKey(own.publicKey, "own")] },
    transport,
  );
  const [signed, ...more] = verified.filter(({ statement }) => ofKind(statement.predicateType));
  assert.deepEqual(more, []);
  const stages = statedReproduction(signed?.statement ?? assert.fail())?.stages ?? [];
  assert.equal(reproductionLine(stages), reproductionLine(found.stages));
  const denied = await attachReproduction(
    `127.0.0.1:9/none@${published.get("stable")?.digest}`,
    found,
    signing,
    transport,
  );
  assert.match(denied ?? "", /127\.0\.0\.1:9/);
});

test("of the builder's cache it is told what no build has used, and that goes", async () => {
  const buildctl = (await buildctlOf(home)) ?? assert.fail();
  const usage = await cacheUsage(buildctl);
  assert.ok(bytesOf(usage) > 100_000, "it holds the stages");
  assert.deepEqual(unusedFor(usage, 1, new Date()), []);
  assert.equal(await pruneUnused(buildctl, 1), 0);
  const unused = unusedFor(usage, 0, new Date());
  assert.ok(unused.length > dockerfileCount);
  assert.equal(await pruneUnused(buildctl, 0), bytesOf(unused));
});
