/** What nothing needs goes, and what is needed stays whole: on the real registry (distribution), and on moto's ECR. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readdir, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { CreateRepositoryCommand, ECRClient, PutImageCommand } from "@aws-sdk/client-ecr";
import { execa } from "execa";
import { type Home, homeAt } from "../../home.ts";
import { keySigner } from "../../lib/attestation/signer.ts";
import { signingKey } from "../../lib/attestation/sigstore-bundle.ts";
import { predicateTypes } from "../../lib/attestation/statement.ts";
import { testResult } from "../../lib/attestation/test-result.ts";
import { type Collection, collect } from "../../lib/garbage/collection.ts";
import type { Root } from "../../lib/garbage/contents.ts";
import { loginFolder } from "../../oci/access/logins.ts";
import { Transport } from "../../oci/access/transport.ts";
import { digestOf } from "../../oci/blob-digest.ts";
import { MANIFEST_TYPE } from "../../oci/manifest.ts";
import { imageExists, readImage } from "../../oci/read/image.ts";
import { putBlob, putManifest } from "../../oci/write/put.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import { attachSigned } from "../../tools/attestation/attach.ts";
import type { Repository } from "../../tools/garbage/collect-repository.ts";
import { ecrInventory } from "../../tools/garbage/ecr-inventory.ts";
import { collectFiles, localRevisions } from "../../tools/garbage/local-files.ts";
import { readContents } from "../../tools/garbage/read-contents.ts";
import { removeAll } from "../../tools/garbage/remove-all.ts";
import { promotionRoots, stateRoots } from "../../tools/garbage/roots.ts";
import { protocolInventory } from "../../tools/garbage/stored-images.ts";
import { findEvidence, storeEvidence } from "../../tools/promotion/evidence-store.ts";
import { promote } from "../../tools/promotion/promote.ts";
import { sessionsIn } from "../../tools/promotion/sessions.ts";
import { rollBack } from "../../tools/promotion/undo-promotion.ts";
import { verifyStatements } from "../../tools/promotion/verify-statements.ts";
import { ensureRegistry } from "../../tools/services/registry-process.ts";
import { type Stack, statePath } from "../../tools/stack/stack.ts";
import { ensureTools } from "../../tools/toolchain/toolchain.ts";
import { checksKey, evidenceFor } from "../support/evidence.ts";
import { signingPair } from "../support/signing.ts";
import { judge } from "./support/judges.ts";
import { findMoto, type Moto, startMoto, useMoto } from "./support/moto.ts";
import { startRegistry } from "./support/registry.ts";

const MB = 2 ** 20;
const path = "team/strata";
const terms = { checksKey, maxAgeDays: 30, host: "any" as const };
const { folder, missing: skip = false } = await findMoto();

let home: Home;
let registry: { address: string; stop: () => Promise<unknown> };
let transport: Transport;
let repository: Repository;
before(async () => {
  home = homeAt(join(mkdtempSync(join(tmpdir(), "strata-gc-")), "home"));
  registry = await startRegistry(home);
  transport = new Transport({
    logins: home.logins,
    dockerConfig: "no-such-folder",
    attempts: 2,
    backoffMs: 50,
  });
  const name = `${registry.address}/${path}`;
  const target = { registry: registry.address, repository: path };
  repository = { name, target, setting: { kind: "local", repository: path } };
});
after(async () => {
  await registry?.stop();
  rmSync(join(home.root, ".."), { recursive: true, force: true });
});

/** An image of some megabytes that is nobody else's, under a tag. */
async function image(tag: string, megabytes = 1): Promise<string> {
  const { name, target } = repository;
  const layer = await putBlob(transport, target, {
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    bytes: randomBytes(megabytes * MB),
  });
  const config = await putBlob(transport, target, {
    mediaType: "application/vnd.oci.image.config.v1+json",
    bytes: Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", created: tag })),
  });
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [layer] }),
  );
  const digest = digestOf(bytes);
  await putManifest(transport, target, digest, { mediaType: MANIFEST_TYPE, bytes });
  await tagManifest(`${name}@${digest}`, tag, transport);
  return digest;
}

/** A product that passed and was promoted to `tag`. */
async function delivered(product: string, tag: string): Promise<string> {
  const digest = await image(product);
  const reference = `${repository.name}@${digest}`;
  const evidence = evidenceFor(reference);
  await storeEvidence(evidence, transport);
  await promote({ reference, tags: [tag], terms }, JSON.stringify(evidence), transport, () => {}, undefined);
  return digest;
}

const inventory = () => ({
  ...protocolInventory(transport),
  storedAt: () => localRevisions(home, path),
});

async function collection(roots: readonly Root[], keep: number, days: number): Promise<Collection> {
  const contents = await readContents(repository.target, inventory(), transport);
  const promoted = await promotionRoots(repository.target, contents.tags.keys(), keep, transport);
  return collect(contents, { roots: [...roots, ...promoted], namedTags: new Map(), days, now: new Date() });
}

/** Bytes of all files below a folder. */
async function bytesOf(place: string): Promise<number> {
  const files = await readdir(place, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name))),
  );
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

const isThere = (digest: string) => imageExists(`${repository.name}@${digest}`, transport);

test("promotions, rollbacks, evidence and what stacks use stay pullable; all else goes, and the disk has its bytes back", async () => {
  const used = await image("stage-torch-aaaaaaaaaaaaaaaaaaaa", 2);
  const unused = await image("stage-torch-bbbbbbbbbbbbbbbbbbbb", 2);
  const cache = await image("cache-torch-bbbbbbbbbbbbbbbbbbbb");
  const promotedProducts: string[] = [];
  for (const at of [1, 2, 3]) promotedProducts.push(await delivered(`product-starter-${at}`, "starter-ada"));
  const [first = "", second = "", third = ""] = promotedProducts;
  await rollBack([repository.name], "starter-ada", second.slice(7, 19), transport);
  const other = await image("product-starter-dddddddddddddddddddd");
  await storeEvidence(evidenceFor(`${repository.name}@${other}`), transport);

  // Of the newest two moves of the tag one is the rollback, whose digest is the second's.
  const { kept, removed, freedBytes } = await collection([{ digest: used, reason: "stack dev" }], 2, 0);
  const gone = removed.map(({ item }) => item.digest);
  for (const digest of [unused, cache, other, first]) assert.ok(gone.includes(digest), digest);
  assert.ok(kept.some(({ item, needed }) => item.digest === third && needed === "was starter-ada"));
  const before = await bytesOf(home.registry);
  assert.equal(await removeAll(repository, inventory(), { removed } as Collection), 0);
  await registry.stop();
  const tools = await ensureTools(home, ["registry"], true);
  await collectFiles(home, tools.registry?.path ?? "");
  const freed = before - (await bytesOf(home.registry));
  await ensureRegistry(home, tools, Number(registry.address.split(":")[1]));

  assert.ok(Math.abs(freed - freedBytes) < 20_000, `${freed} bytes went, ${freedBytes} were announced`);
  for (const digest of [unused, cache, other, first]) assert.equal(await isThere(digest), false);
  for (const digest of [used, second, third]) {
    const { layers } = await readImage(`${repository.name}@${digest}`, transport);
    assert.equal(layers.length, 1);
  }
  const found = await findEvidence(`${repository.name}@${third}`, { checksKey }, transport);
  assert.equal(found?.evidence.digest, third);
  // A second run finds nothing that the first has left.
  assert.deepEqual((await collection([{ digest: used, reason: "stack dev" }], 2, 0)).removed, []);
});

const pair = signingPair();
const trust = { keys: [pair.publicKey], identities: [], predicates: ["evidence" as const] };

/** A product that passed, signed, in a further repository too, with a tag here and there. */
async function signedProduct(product: string, tag: string, farther: string): Promise<string> {
  const digest = await image(product);
  const reference = `${repository.name}@${digest}`;
  const evidence = evidenceFor(reference);
  const artifact = await storeEvidence(evidence, transport);
  const signer = keySigner(signingKey(pair.privateKey, "key"));
  await attachSigned(reference, testResult(evidence, artifact), signer, transport);
  const order = { reference, tags: tag === "" ? [] : [tag], terms, trust };
  await promote(order, JSON.stringify(evidence), transport, () => {}, undefined);
  const copy = { target: { repository: farther, tag: product }, sessions: sessionsIn(join(home.root, "up")) };
  await promote(order, JSON.stringify(evidence), transport, () => {}, copy);
  return digest;
}

/** What a stack's state names, wherever it does. */
function writeState(name: string, ...digests: readonly string[]): Stack {
  const stack = { project: "strata", name, folder: home.root, environment: {}, pulumi: "pulumi" };
  const file = statePath(home, stack);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ checkpoint: { latest: { resources: [{ outputs: { digests } }] } } }));
  return stack;
}

test("of three stacks with signed promotions, a rollback and copies all that is needed still verifies, and the rest is gone", async () => {
  const farther: Repository = {
    ...repository,
    name: `${repository.name}-copy`,
    target: { ...repository.target, repository: `${path}-copy` },
  };
  const stacks: Stack[] = [];
  const products: Record<string, [string, string]> = {};
  const stages: string[] = [];
  const former: string[] = [];
  for (const name of ["one", "two", "three"]) {
    const key = (digit: string) => `stage-${name}-${digit.repeat(20)}`;
    former.push(await image(key("a")));
    const stage = await image(key("b"));
    stages.push(stage);
    const made = async (at: number) =>
      await signedProduct(`product-${name}-${at}`, `starter-${name}`, farther.name);
    const pushed: [string, string] = [await made(1), await made(2)];
    products[name] = pushed;
    stacks.push(writeState(name, stage, pushed[1]));
  }
  const [one = ["", ""], two = ["", ""], three = ["", ""]] = Object.values(products);
  await rollBack([repository.name, farther.name], "starter-two", two[0].slice(7, 19), transport, trust);
  // Tested and signed, and no tag ever pointed there.
  const unused = await signedProduct("product-four-1", "", farther.name);

  const collectAll = async (place: Repository) => {
    const ages = { ...inventory(), storedAt: () => localRevisions(home, place.target.repository) };
    const contents = await readContents(place.target, ages, transport);
    const states = await stateRoots(home, stacks);
    const promoted = await promotionRoots(place.target, contents.tags.keys(), 1, transport);
    const needs = { namedTags: states.tags, days: 0, now: new Date() };
    return { ages, contents, found: collect(contents, { ...needs, roots: [...states.roots, ...promoted] }) };
  };
  const before = await bytesOf(home.registry);
  const announced: number[] = [];
  for (const place of [repository, farther]) {
    const { ages, contents, found } = await collectAll(place);
    const gone = new Set(found.removed.map(({ item }) => item.digest));
    for (const digest of [one[0], three[0], unused]) assert.ok(gone.has(digest), digest);
    // With a product goes what is about it, its signature too, and nothing of another's.
    for (const { digest, subject } of contents.items.values())
      if (subject !== undefined) assert.equal(gone.has(digest), gone.has(subject));
    if (place === repository) for (const digest of former) assert.ok(gone.has(digest), digest);
    announced.push(found.freedBytes);
    assert.equal(await removeAll(place, ages, found), 0);
  }
  await registry.stop();
  const tools = await ensureTools(home, ["registry"], true);
  await collectFiles(home, tools.registry?.path ?? "");
  const freed = before - (await bytesOf(home.registry));
  await ensureRegistry(home, tools, Number(registry.address.split(":")[1]));
  // The disk has the blobs of both once.
  assert.ok(
    Math.abs(freed - (announced[0] ?? 0)) < 100_000,
    `${freed} bytes went, ${announced} were announced`,
  );

  for (const stage of stages)
    assert.equal((await readImage(`${repository.name}@${stage}`, transport)).layers.length, 1);
  const cosign = await judge("cosign");
  const key = join(home.root, "key.pub");
  writeFileSync(key, pair.publicKey);
  for (const [at, digest] of [one[1], ...two, three[1]].entries()) {
    for (const place of [repository, farther]) {
      const reference = `${place.name}@${digest}`;
      assert.equal((await readImage(reference, transport)).layers.length, 1);
      const evidence = (await findEvidence(reference, { checksKey }, transport))?.digest;
      await verifyStatements(reference, { trust, evidence: evidence ?? assert.fail(reference) }, transport);
      // One of each repository by a stranger's own tool.
      if (at > 0) continue;
      const words = ["--insecure-ignore-tlog=true", "--allow-http-registry", "--key", key];
      const type = ["--type", predicateTypes.evidence];
      const env = { DOCKER_CONFIG: loginFolder(home.logins, registry.address), HOME: home.root };
      await execa(cosign, ["verify-attestation", ...words, ...type, reference], { env });
    }
  }
  // A rollback to what the state names works, here and in the copy; then the product of before is the one too many.
  await rollBack([repository.name, farther.name], "starter-two", two[1].slice(7, 19), transport, trust);
  for (const place of [repository, farther]) {
    const { found } = await collectAll(place);
    const gone = found.removed.map(({ item }) => item.digest);
    assert.deepEqual([gone.includes(two[0]), gone.includes(two[1])], [true, false]);
  }
});

test("a manifest that lost its tag is found by the registry's files, and its age counts", async () => {
  const former = await image("stage-moved-aaaaaaaaaaaaaaaaaaaa");
  const now = await image("stage-moved-aaaaaaaaaaaaaaaaaaaa");
  const roots = [{ digest: now, reason: "stack dev" }];
  const young = await collection(roots, 10, 1);
  assert.ok(young.kept.some(({ item, needed }) => item.digest === former && needed === "younger than 1 day"));
  const link = join(
    home.registry,
    `docker/registry/v2/repositories/${path}/_manifests/revisions/sha256/${former.slice(7)}/link`,
  );
  const old = new Date(Date.now() - 3 * 86_400_000);
  await utimes(link, old, old);
  const aged = await collection(roots, 10, 1);
  assert.deepEqual(
    aged.removed.map(({ item }) => item.digest),
    [former],
  );
});

test("ECR lists what has no tag, and removes what is asked", { skip }, async (t) => {
  const moto: Moto = await startMoto(folder);
  t.after(() => moto.close());
  await useMoto(moto);
  const client = new ECRClient({ region: "us-east-1" });
  await client.send(new CreateRepositoryCommand({ repositoryName: path }));
  const put = async (marker: string, imageTag?: string) => {
    const descriptor = (name: string) => ({
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf(Buffer.from(`${marker} ${name}`)),
      size: 3,
    });
    const layers = [descriptor("layer")];
    const document = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config: descriptor("config"), layers };
    const imageManifest = JSON.stringify(document);
    const command = { repositoryName: path, imageManifest, imageManifestMediaType: MANIFEST_TYPE };
    const { image } = await client.send(
      new PutImageCommand({ ...command, ...(imageTag ? { imageTag } : {}) }),
    );
    return image?.imageId?.imageDigest ?? "";
  };
  const [tagged, bare] = [await put("one", "stage-a-1"), await put("two")];
  const ecr = ecrInventory(client);
  const target = { registry: "1.dkr.ecr.us-east-1.amazonaws.com", repository: path };
  const ages = await ecr.storedAt(target);
  assert.deepEqual([...ages.keys()].sort(), [tagged, bare].sort());
  for (const age of ages.values()) assert.ok(Math.abs(age.getTime() - Date.now()) < 86_400_000);
  const item = {
    digest: bare,
    bytes: 1,
    blobs: new Map(),
    children: [],
    subject: undefined,
    storedAt: undefined,
  };
  await ecr.remove(target, item);
  assert.deepEqual([...(await ecr.storedAt(target)).keys()], [tagged]);
  // Gone already: nothing to complain about.
  await ecr.remove(target, item);
});
