/** GHCR's packages as GitHub's interface lists and removes them: https://docs.github.com/en/rest/packages/packages */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { UserError } from "../../../errors.ts";
import { collect } from "../../../lib/garbage/collection.ts";
import { Transport } from "../../../oci/access/transport.ts";
import { readImage } from "../../../oci/read/image.ts";
import { ghcrInventory } from "../../../tools/garbage/ghcr-inventory.ts";
import { readContents } from "../../../tools/garbage/read-contents.ts";
import { removeAll } from "../../../tools/garbage/remove-all.ts";
import { promotionRoots } from "../../../tools/garbage/roots.ts";
import { githubClient } from "../../../tools/program/github-client.ts";
import { findEvidence } from "../../../tools/promotion/evidence-store.ts";
import { checksKey } from "../../support/evidence.ts";
import { REPOSITORY } from "../oci/support/fake-registry.ts";
import { promoting } from "./promotion/support/promoting.ts";

const target = { registry: "ghcr.io", repository: "team/images/strata" };
const digest = (at: number) => `sha256:${String(at).padStart(64, "0")}`;
const item = (at: number) => ({
  digest: digest(at),
  bytes: 1,
  blobs: new Map(),
  children: [],
  subject: undefined,
  storedAt: undefined,
});

/** @param refusal of a removal: status and message */
async function packages(t: TestContext, type: string, refusal?: readonly [number, string]) {
  const ids = new Set(Array.from({ length: 150 }, (_, at) => at));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://github.invalid");
    requests.push(`${request.method} ${url.pathname}`);
    const send = (status: number, body: object, headers = {}) =>
      response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(JSON.stringify(body));
    if (url.pathname === "/users/team") return send(200, { login: "team", type });
    const removed = /versions\/(\d+)$/.exec(url.pathname)?.[1];
    if (request.method === "DELETE" && removed) {
      if (refusal) return send(refusal[0], { message: refusal[1] });
      return ids.delete(Number(removed))
        ? response.writeHead(204).end()
        : send(404, { message: "Not Found" });
    }
    const page = Number(url.searchParams.get("page") ?? 1);
    const size = Number(url.searchParams.get("per_page"));
    const all = [...ids].map((id) => ({ id, name: digest(id), created_at: "2026-11-01T00:00:00Z" }));
    const next = `<http://127.0.0.1:${port()}${url.pathname}?per_page=${size}&page=${page + 1}>; rel="next"`;
    send(200, all.slice((page - 1) * size, page * size), page * size < all.length ? { link: next } : {});
  });
  const port = () => (server.address() as AddressInfo).port;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const github = githubClient({ token: "t", baseUrl: `http://127.0.0.1:${port()}`, second: 1 });
  return { inventory: ghcrInventory(github), ids, requests };
}

test("all pages of an organisation's or a user's package are listed with their times, and a version goes by its number", async (t) => {
  for (const [type, place] of [
    ["Organization", "orgs"],
    ["User", "users"],
  ] as const) {
    const { inventory, ids, requests } = await packages(t, type);
    const stored = await inventory.storedAt(target);
    assert.equal(stored.size, 150);
    assert.deepEqual(stored.get(digest(149)), new Date("2026-11-01T00:00:00Z"));
    await inventory.remove(target, item(149));
    assert.equal(ids.has(149), false);
    assert.equal(requests.at(-1), `DELETE /${place}/team/packages/container/images%2Fstrata/versions/149`);
    // Somebody else was faster, and what GitHub never listed is not there.
    await inventory.remove(target, item(149));
    await inventory.remove(target, item(999));
  }
});

test("what GitHub refuses is told in its words, with what helps", async (t) => {
  const last = "You cannot delete the last tagged version of a package. You must delete the package instead.";
  for (const [status, message, remedy] of [
    [400, last, /package as a whole/],
    [403, "Resource not accessible by integration", /delete:packages/],
  ] as const) {
    const { inventory } = await packages(t, "User", [status, message]);
    await inventory.storedAt(target);
    const error = await inventory.remove(target, item(3)).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof UserError);
    assert.match(error.message, new RegExp(`GitHub answered ${status}: ${message.slice(0, 20)}`));
    assert.match(error.message, remedy);
  }
});

/** GHCR as a whole: a registry that refuses removals (405, as the stand-in does), and GitHub's list of what it holds. */
async function wholeGhcr(t: TestContext) {
  const made = await promoting(t);
  const { content } = made.registry;
  const ids = new Map<number, string>();
  const digests = () => {
    const all = [...content.keys()].flatMap((key) => /^manifests\/(sha256:.*)$/.exec(key)?.[1] ?? []);
    const known = new Set(ids.values());
    for (const each of all) if (!known.has(each)) ids.set(ids.size + 1, each);
    return all;
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://github.invalid");
    const send = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (url.pathname.startsWith("/users/") && !url.pathname.includes("/packages/"))
      return send(200, { type: "Organization" });
    const number = Number(/versions\/(\d+)$/.exec(url.pathname)?.[1] ?? 0);
    const gone = ids.get(number);
    if (request.method === "DELETE" && gone) {
      // A version goes with all its tags.
      const bytes = content.get(`manifests/${gone}`)?.bytes;
      for (const [key, stored] of content)
        if (key.startsWith("manifests/") && bytes && stored.bytes.equals(bytes)) content.delete(key);
      return response.writeHead(204).end();
    }
    const there = new Set(digests());
    const versions = [...ids].filter(([, name]) => there.has(name));
    send(
      200,
      versions.map(([id, name]) => ({ id, name, created_at: "2026-01-01T00:00:00Z" })),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const github = githubClient({ token: "t", baseUrl: `http://127.0.0.1:${port}`, second: 1 });
  const place = { registry: made.registry.host, repository: REPOSITORY };
  return { made, place, inventory: ghcrInventory(github) };
}

test("what is needed of a package stays whole with what is about it, all else goes, and a second look finds nothing", async (t) => {
  const { made, place, inventory } = await wholeGhcr(t);
  const transport = new Transport({ attempts: 2, dockerConfig: "no-such-folder" });
  const [first, second, never] = [
    await made.image("first"),
    await made.image("second"),
    await made.image("never"),
  ];
  for (const { reference, evidence } of [first, second]) {
    const { code, stderr } = await made.promote(evidence, "starter-ada", { STRATA_REFERENCE: reference });
    assert.equal(code, 0, stderr);
  }
  const stage = await made.image("stage-torch-aaaaaaaaaaaaaaaaaaaa");
  const look = async () => {
    const contents = await readContents(place, inventory, transport);
    const roots = await promotionRoots(place, contents.tags.keys(), 1, transport);
    const state = { digest: stage.digest, reason: "stack ada" };
    // These are names of people's for the registry's stand-in, and none here.
    const tags = new Map(
      [...contents.tags].filter(([tag]) => !/^(first|second|never|stable|tested)$/.test(tag)),
    );
    const needs = { roots: [...roots, state], namedTags: new Map(), days: 30, now: new Date() };
    return collect({ ...contents, tags }, needs);
  };
  const found = await look();
  const gone = found.removed.map(({ item }) => item.digest);
  for (const { digest: each } of [first, never]) assert.ok(gone.includes(each), each);
  const repository = {
    name: made.name,
    target: place,
    setting: { kind: "ghcr" as const, owner: "team", repository: "strata" },
  };
  assert.equal(await removeAll(repository, inventory, found), 0);
  for (const { digest: each } of [first, never])
    assert.equal(made.registry.content.has(`manifests/${each}`), false);
  for (const { reference } of [second, stage]) {
    assert.equal((await readImage(reference, transport)).layers.length, 1);
    assert.ok(await findEvidence(reference, { checksKey }, transport), reference);
  }
  const { code, stderr } = await made.rollback("starter-ada");
  assert.equal(code, 0, stderr);
  assert.deepEqual((await look()).removed, []);
});
