/** GHCR's packages as GitHub's interface lists and removes them: https://docs.github.com/en/rest/packages/packages */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { UserError } from "../../../errors.ts";
import { ghcrInventory } from "../../../tools/garbage/ghcr-inventory.ts";
import { githubClient } from "../../../tools/program/github-client.ts";

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
