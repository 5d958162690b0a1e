/** What a stack does with its registry, at every registry that is known: against stand-ins that do as they do. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { repository as root } from "../../../home.ts";
import type { Evidence } from "../../../lib/evidence/evidence.ts";
import type { Transport } from "../../../oci/access/transport.ts";
import { readImage } from "../../../oci/read/image.ts";
import { listReferrers } from "../../../oci/read/referrers.ts";
import { pushImage } from "../../../oci/write/push.ts";
import { digestOfTag } from "../../../oci/write/tag.ts";
import { evidenceTypes, findEvidence, storeEvidence } from "../../../tools/promotion/evidence-store.ts";
import { promote } from "../../../tools/promotion/promote.ts";
import { listPromotions } from "../../../tools/promotion/promotion-listing.ts";
import { promotedTags, rollBack } from "../../../tools/promotion/undo-promotion.ts";
import { checksKey, daysAgo, evidenceFor } from "../../support/evidence.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../oci/support/fake-registry.ts";
import { openKnown } from "../oci/support/open-registry.ts";
import { registries } from "../oci/support/registries.ts";

const LAYER = 2 ** 20;
const terms = { checksKey, maxAgeDays: 30, host: "any" as const };

/** A stack's own registry with two products that passed. */
async function nearby(t: TestContext, transport: Transport) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const product = async (tag: string) => {
    const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: randomBytes(LAYER) };
    const { digest } = registry.image(tag, [layer]);
    const reference = `${registry.host}/${REPOSITORY}@${digest}`;
    const evidence = evidenceFor(reference, { startedAt: daysAgo(1) });
    await storeEvidence(evidence, transport);
    return { digest, reference, evidence };
  };
  return { registry, products: [await product("one"), await product("two")] as const };
}

/** Delivers as an update does: to a copy, or with `repository` undefined where it lies. */
async function deliver(
  { reference, evidence }: { reference: string; evidence: Evidence },
  transport: Transport,
  repository?: string,
): Promise<string[]> {
  const moved: string[] = [];
  const sessions = new Map<string, string>();
  const copy = repository && {
    target: { repository, tag: `product-starter-${reference.slice(-8)}` },
    sessions: {
      get: async (_: unknown, digest: string) => sessions.get(digest),
      set: async (_: unknown, digest: string, at?: string) =>
        void (at ? sessions.set(digest, at) : sessions.delete(digest)),
    },
  };
  const order = { reference, tags: ["latest", "stable"], terms };
  await promote(order, JSON.stringify(evidence), transport, (tag) => moved.push(tag), copy || undefined);
  return moved;
}

/** Breaks the first upload of a layer in its middle; says how many bytes of layers came in all. */
function breakOnce(registry: FakeRegistry): { readonly bytes: number } {
  const seen = { bytes: 0 };
  const lengths = new WeakMap<object, number>();
  let isBroken = false;
  registry.received = (request, bytes) => {
    const before = lengths.get(request) ?? bytes - Math.min(bytes, 65_536);
    seen.bytes += Math.max(0, bytes - before);
    lengths.set(request, bytes);
    if (isBroken || bytes < LAYER / 2) return;
    isBroken = true;
    request.socket.destroy();
  };
  return seen;
}

test("the table of what each registry does differently has all of these", () => {
  const page = readFileSync(join(root, "docs/registries.md"), "utf8");
  const named = [...page.matchAll(/^\| ([A-Z][A-Za-z ,]+?) +\|/gm)].flatMap(([, names = ""]) =>
    names.split(", "),
  );
  for (const title of Object.keys(registries)) assert.ok(named.includes(title), title);
});

for (const [title, known] of Object.entries(registries))
  test(`${title}: copied, promoted, rolled back, evidence stored and found; the same digests`, async (t) => {
    t.mock.method(process.stderr, "write", () => true);
    const { registry, repository, transport } = await openKnown(t, known);
    const { registry: near, products } = await nearby(t, transport());
    const seen = breakOnce(registry);
    const [one, two] = products;
    const at = (tag: string) => digestOfTag(`${repository}:${tag}`, transport());

    for (const each of products) {
      assert.deepEqual(await deliver(each, transport(), repository), [
        `${repository}:latest`,
        `${repository}:stable`,
      ]);
      assert.equal(await at("latest"), each.digest);
      assert.deepEqual(
        registry.content.get(`manifests/${each.digest}`)?.bytes,
        near.content.get(`manifests/${each.digest}`)?.bytes,
      );
      const copy = `${repository}@${each.digest}`;
      const { layers } = await readImage(copy, transport());
      for (const { digest } of layers)
        assert.deepEqual(
          registry.content.get(`blobs/${digest}`)?.bytes,
          near.content.get(`blobs/${digest}`)?.bytes,
        );
      assert.deepEqual((await findEvidence(copy, { checksKey }, transport()))?.evidence, each.evidence);
      // A test at the copy itself: evidence is stored there, beside what came along.
      const later = evidenceFor(copy);
      const stored = await storeEvidence(later, transport());
      assert.equal((await findEvidence(copy, { checksKey }, transport()))?.digest, stored);
      assert.equal((await listReferrers(copy, evidenceTypes, transport())).length, 2);
    }
    const sentAgain = seen.bytes - 2 * LAYER > LAYER / 3;
    assert.equal(sentAgain, !known.resumes, `${seen.bytes} bytes came of two layers of ${LAYER}`);

    await rollBack([repository], "latest", one.digest.slice(7, 19), transport());
    assert.deepEqual([await at("latest"), await at("stable")], [one.digest, two.digest]);
    assert.deepEqual(
      await deliver({ ...two }, transport(), repository),
      [`${repository}:stable`],
      "it was rolled back",
    );
    const { promotions } = await listPromotions(repository, "latest", transport());
    assert.deepEqual(
      promotions.map(({ kind, digest, evidence }) => [kind, digest, evidence?.verdict]),
      [
        ["rollback", one.digest, "pass"],
        ["promotion", two.digest, "pass"],
        ["promotion", one.digest, "pass"],
      ],
    );
    assert.deepEqual((await promotedTags(repository, transport())).sort(), ["latest", "stable"]);
    assert.deepEqual(
      registry.requests.filter((request) => request.startsWith("DELETE") || request.includes("/-/v2/")),
      [],
      "nothing is deleted, and web pages are not asked",
    );
  });

for (const [title, known] of Object.entries(registries))
  test(`${title}: a product is pushed from layers that are there, tested and promoted where it lies`, async (t) => {
    t.mock.method(process.stderr, "write", () => true);
    const { registry, repository, transport } = await openKnown(t, known);
    const one = transport();
    const layer = registry.blob("application/vnd.oci.image.layer.v1.tar", Buffer.from("layer"));
    const reference = await pushImage(repository, { architecture: "amd64", os: "linux" }, [layer], one);
    assert.equal((await readImage(reference, one)).layers[0]?.digest, layer.digest);
    const evidence = evidenceFor(reference);
    await storeEvidence(evidence, one);
    assert.deepEqual(await deliver({ reference, evidence }, one), [
      `${repository}:latest`,
      `${repository}:stable`,
    ]);
    assert.equal(await digestOfTag(`${repository}:latest`, one), reference.split("@")[1]);
  });

const refusals = {
  // osscontainertools/kaniko#204; aws/aws-sdk#750: also where the tag is already.
  ECR: {
    status: 400,
    code: "TAG_INVALID",
    message: "The image tag 'latest' already exists and cannot be overwritten because the tag is immutable.",
    even: true,
  },
  // goharbor/harbor, ErrImmutable; goharbor/harbor#9427 for the status.
  Harbor: { status: 412, code: "PRECONDITION", message: "… 'team/image:latest' configured as immutable." },
} as const;

for (const [title, immutable] of Object.entries(refusals))
  test(`${title} with immutable tags: a product is copied and gets its tags once; who moves one is told the setting`, async (t) => {
    t.mock.method(process.stderr, "write", () => true);
    const { registry, repository, transport } = await openKnown(t, registries[title] ?? assert.fail(), {
      immutable,
    });
    const { products } = await nearby(t, transport());
    const [one, two] = products;
    await deliver(one, transport(), repository);
    await assert.rejects(
      deliver(two, transport(), repository),
      /latest: registry .* answered 4\d\d for the tag \(.*immutable.*\)\. .*have to be mutable there/,
    );
    assert.equal(await digestOfTag(`${repository}:latest`, transport()), one.digest);
    assert.ok(registry.content.has(`manifests/${two.digest}`));
  });

for (const noRepository of [
  "cut-off",
  { status: 404, code: "NAME_UNKNOWN", message: 'Repository "image" not found' },
] as const)
  test(`a repository that is not there is told as that, also where the push is ${noRepository === "cut-off" ? "cut off, as at ECR" : "refused"}`, async (t) => {
    t.mock.method(process.stderr, "write", () => true);
    const { repository, transport } = await openKnown(t, registries.ECR ?? assert.fail(), { noRepository });
    const { products } = await nearby(t, transport());
    await assert.rejects(
      deliver(products[0], transport(2), repository),
      /answered 404 for the upload \(NAME_UNKNOWN: .*\)\. There is no such repository at 123456789012\.dkr/,
    );
  });
