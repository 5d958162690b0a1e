/**
 * Registries as they are out there: TLS with an authority of their own, logins and tokens, connections that end. The
 * registry is the real one (distribution), which has no referrers API.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import { type Home, homeAt } from "../../home.ts";
import type { Evidence } from "../../lib/evidence/evidence.ts";
import { keepAuthority, keepLogin } from "../../oci/access/logins.ts";
import { Transport } from "../../oci/access/transport.ts";
import { digestOf } from "../../oci/blob-digest.ts";
import { MANIFEST_TYPE } from "../../oci/manifest.ts";
import { imageExists, readImage } from "../../oci/read/image.ts";
import { copyImage } from "../../oci/write/copy.ts";
import { putBlob, putManifest } from "../../oci/write/put.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import { copyProduct } from "../../tools/promotion/copy-product.ts";
import { findEvidence, storeEvidence } from "../../tools/promotion/evidence-store.ts";
import { type PromotionRequest, promote } from "../../tools/promotion/promote.ts";
import { listPromotions } from "../../tools/promotion/promotion-listing.ts";
import { sessionsIn } from "../../tools/promotion/sessions.ts";
import { rollBack } from "../../tools/promotion/undo-promotion.ts";
import { checksKey, evidenceFor } from "../support/evidence.ts";
import {
  type GuardedRegistry,
  guardedRegistry,
  type TokenService,
  tokenService,
  user,
} from "./support/guarded-registry.ts";
import { startRegistry } from "./support/registry.ts";

const MB = 2 ** 20;
const terms = { checksKey, maxAgeDays: 30, host: "any" as const };

let home: Home;
let near: { address: string; stop: () => Promise<unknown> };
let far: GuardedRegistry;
let third: GuardedRegistry & { readonly tokens: TokenService | undefined };
before(async () => {
  home = homeAt(join(mkdtempSync(join(tmpdir(), "strata-registries-")), "home"));
  near = await startRegistry(home);
  far = await guardedRegistry(home, "far");
  third = await guardedRegistry(home, "third", tokenService);
  for (const { address, ca } of [far, third]) {
    await keepAuthority(home.logins, address, ca);
    await logIn(address);
  }
});
after(async () => {
  await near?.stop();
  await far?.close();
  await third?.close();
  rmSync(join(home.root, ".."), { recursive: true, force: true });
});

const logIn = (address: string, password = user.password) =>
  keepLogin(home.logins, address, { address, username: user.username, password });
/** As a program of tools/ has it, with less patience. */
const transport = () =>
  new Transport({ logins: home.logins, dockerConfig: "no-such-folder", attempts: 2, backoffMs: 50 });
const sessions = () => sessionsIn(join(home.run, "uploads"));
const nearby = () => `${near.address}/team/strata`;
const farther = () => `${far.address}/mirror/strata`;

/** Pushes an image with one layer of random bytes, and stores evidence that it passed. */
async function product(megabytes = 1): Promise<{ reference: string; digest: string; evidence: Evidence }> {
  const [registry = "", ...path] = nearby().split("/");
  const target = { registry, repository: path.join("/") };
  const layer = await putBlob(transport(), target, {
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    bytes: randomBytes(megabytes * MB),
  });
  const config = await putBlob(transport(), target, {
    mediaType: "application/vnd.oci.image.config.v1+json",
    bytes: Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux" })),
  });
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [layer] }),
  );
  const digest = digestOf(bytes);
  await putManifest(transport(), target, digest, { mediaType: MANIFEST_TYPE, bytes });
  const reference = `${nearby()}@${digest}`;
  const evidence = evidenceFor(reference);
  await storeEvidence(evidence, transport());
  return { reference, digest, evidence };
}

async function deliver(
  { reference, evidence }: { reference: string; evidence: Evidence },
  repository?: string,
  tags = ["latest"],
): Promise<string[]> {
  const moved: string[] = [];
  const order: PromotionRequest = { reference, tags, terms };
  const copy = repository && { target: { repository, tag: "product-starter-1" }, sessions: sessions() };
  await promote(order, JSON.stringify(evidence), transport(), (tag) => moved.push(tag), copy || undefined);
  return moved;
}
const at = (repository: string, tag = "latest") => digestOfTag(`${repository}:${tag}`, transport());

test("push, copy over TLS with a login, promote and roll back: one digest everywhere", async () => {
  const [first, second] = [await product(), await product()];
  for (const each of [first, second]) {
    assert.deepEqual(await deliver(each), [`${nearby()}:latest`]);
    assert.deepEqual(await deliver(each, farther()), [`${farther()}:latest`]);
    assert.equal(await at(nearby()), each.digest);
    assert.equal(await at(farther()), each.digest);
    const [here, there] = [
      await readImage(each.reference, transport()),
      await readImage(`${farther()}:latest`, transport()),
    ];
    assert.deepEqual(there, here);
    const found = await findEvidence(`${farther()}@${each.digest}`, { checksKey }, transport());
    assert.deepEqual(found?.evidence, each.evidence);
  }
  await rollBack([nearby(), farther()], "latest", first.digest.slice(7, 19), transport());
  for (const repository of [nearby(), farther()]) {
    assert.equal(await at(repository), first.digest);
    const { promotions, movedElsewhere } = await listPromotions(repository, "latest", transport());
    assert.deepEqual(
      promotions.map(({ kind, digest, evidence }) => [kind, digest, evidence?.verdict]),
      [
        ["rollback", first.digest, "pass"],
        ["promotion", second.digest, "pass"],
        ["promotion", first.digest, "pass"],
      ],
    );
    assert.equal(movedElsewhere, false);
  }
});

test("within one registry a copy is mounted, not sent", async () => {
  const { reference, digest } = await product(4);
  const told: string[] = [];
  const copy = await copyImage(reference, `${near.address}/other/strata`, transport(), {
    progress: { blobs() {}, bytes: () => assert.fail("bytes were sent"), blob: (_, how) => told.push(how) },
  });
  assert.equal(copy, `${near.address}/other/strata@${digest}`);
  assert.deepEqual(told, ["mounted", "mounted"]);
  assert.deepEqual(
    (await readImage(copy, transport())).layers,
    (await readImage(reference, transport())).layers,
  );
});

test("a wrong password is told of, moves nothing, and the right one goes on", async () => {
  const made = await product();
  const before = await at(farther());
  await logIn(far.address, "wrong-one");
  const problem = await deliver(made, farther()).catch((error: unknown) => error);
  await logIn(far.address);
  assert.ok(problem instanceof UserError);
  assert.match(
    problem.message,
    /answered 401 for the manifest\. Log in with an account .* set the stack's password/,
  );
  assert.ok(!problem.message.includes("wrong-one"));
  assert.equal(await at(farther()), before);
  await deliver(made, farther());
  assert.equal(await at(farther()), made.digest);
});

test("a token that runs out in the middle is asked for again; a refused one is told of", async () => {
  const { tokens, address } = third;
  assert.ok(tokens);
  const repository = `${address}/tokens/strata`;
  const [first, second] = [await product(), await product()];
  await deliver(first, repository);
  tokens.lifetime = 2;
  const one = transport();
  assert.equal(await digestOfTag(`${repository}:latest`, one), first.digest);
  const given = tokens.given;
  await sleep(3_000);
  tokens.lifetime = 300;
  const target = { repository, tag: "product-starter-1" };
  await copyProduct(second.reference, target, one, sessions());
  assert.ok(tokens.given > given, "no other token was asked for");
  assert.equal(await imageExists(`${repository}@${second.digest}`, transport()), true);

  await logIn(address, "wrong-one");
  const problem = await deliver(second, repository).catch((error: unknown) => error);
  await logIn(address);
  assert.match(String(problem), /its token service 127\.0\.0\.1:\d+ answered 401 to the stored login/);
  assert.equal(await at(repository), first.digest);
});

test("a registry that goes away in the middle: an error, nothing by half, and the next run goes on", async () => {
  const { reference, digest, evidence } = await product(96);
  const before = await at(farther());
  const target = { repository: farther(), tag: "product-starter-1" };
  let sent = 0;
  let killed: Promise<void> | undefined;
  const copying = copyImage(reference, farther(), transport(), {
    sessions: sessions(),
    progress: {
      blobs() {},
      blob() {},
      bytes(count) {
        sent += count;
        if (sent > 32 * MB) killed ??= far.kill();
      },
    },
  });
  await assert.rejects(copying, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, /registry 127\.0\.0\.1:\d+ does not answer/);
    return true;
  });
  await killed;
  await far.start();
  assert.equal(await imageExists(`${farther()}@${digest}`, transport()), false);
  assert.equal(await at(farther()), before, "the tag moved");

  let again = 0;
  await copyImage(reference, farther(), transport(), {
    sessions: sessions(),
    progress: {
      blobs() {},
      blob() {},
      bytes(count) {
        again += count;
      },
    },
  });
  assert.ok(again < 96 * MB, `${again} bytes were sent again`);
  await copyProduct(reference, target, transport(), sessions());
  await deliver({ reference, evidence }, farther());
  assert.equal(await at(farther()), digest);
});

test("a registry that goes away between two tags: those that moved are written down, and the next run ends it", async () => {
  const made = await product();
  const moved: string[] = [];
  const order: PromotionRequest = { reference: made.reference, tags: ["one", "two"], terms };
  const copy = { target: { repository: farther(), tag: "product-starter-1" }, sessions: sessions() };
  let killed: Promise<void> | undefined;
  const promoting = promote(
    order,
    JSON.stringify(made.evidence),
    transport(),
    (tag) => {
      moved.push(tag);
      killed ??= far.kill();
    },
    copy,
  );
  await assert.rejects(promoting, /does not answer/);
  await killed;
  await far.start();
  assert.deepEqual(moved, [`${farther()}:one`]);
  assert.deepEqual([await at(farther(), "one"), await at(farther(), "two")], [made.digest, undefined]);
  await deliver(made, farther(), ["one", "two"]);
  for (const tag of ["one", "two"]) {
    const { promotions } = await listPromotions(farther(), tag, transport());
    assert.deepEqual(
      promotions.map(({ kind }) => kind),
      ["promotion"],
    );
  }
});

test("another authority than the registry's is not trusted", async () => {
  const stranger = await guardedRegistry(home, "stranger");
  await keepAuthority(home.logins, stranger.address, far.ca);
  const problem = await imageExists(`${stranger.address}/a@sha256:${"0".repeat(64)}`, transport()).catch(
    String,
  );
  await stranger.close();
  assert.match(String(problem), /does not answer \((DEPTH_ZERO_)?SELF_SIGNED_CERT/);
});
