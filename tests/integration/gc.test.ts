/** What nothing needs goes, and what is needed stays whole: on the real registry (distribution), and on moto's ECR. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CreateRepositoryCommand, ECRClient, PutImageCommand } from "@aws-sdk/client-ecr";
import { type Home, homeAt } from "../../home.ts";
import { type Collection, collect } from "../../lib/garbage/collection.ts";
import type { Root } from "../../lib/garbage/contents.ts";
import { Transport } from "../../oci/access/transport.ts";
import { digestOf } from "../../oci/blob-digest.ts";
import { MANIFEST_TYPE } from "../../oci/manifest.ts";
import { imageExists, readImage } from "../../oci/read/image.ts";
import { putBlob, putManifest } from "../../oci/write/put.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import type { Repository } from "../../tools/garbage/collect-repository.ts";
import { ecrInventory } from "../../tools/garbage/ecr-inventory.ts";
import { collectFiles, localRevisions } from "../../tools/garbage/local-files.ts";
import { readContents } from "../../tools/garbage/read-contents.ts";
import { removeAll } from "../../tools/garbage/remove-all.ts";
import { promotionRoots } from "../../tools/garbage/roots.ts";
import { protocolInventory } from "../../tools/garbage/stored-images.ts";
import { findEvidence, storeEvidence } from "../../tools/promotion/evidence-store.ts";
import { promote } from "../../tools/promotion/promote.ts";
import { rollBack } from "../../tools/promotion/undo-promotion.ts";
import { ensureRegistry } from "../../tools/services/registry-process.ts";
import { ensureTools } from "../../tools/toolchain/toolchain.ts";
import { checksKey, evidenceFor } from "../support/evidence.ts";
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
