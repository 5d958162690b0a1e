import assert from "node:assert/strict";
import { test } from "node:test";
import { listTags, nextPage } from "../../../../oci/read/tag-list.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const linked = (link: string) => nextPage(new Headers({ link }), "tags/list");

test("where the next page is, in each form that registries give", () => {
  assert.equal(nextPage(new Headers(), "tags/list"), undefined);
  for (const [link, expected] of [
    ['</v2/a/tags/list?last=b>; rel="next"', "/v2/a/tags/list?last=b"],
    ["<https://wrong.invalid/v2/a/tags/list?last=b>;rel=next", "/v2/a/tags/list?last=b"],
    ['<?last=b&n=2>  ;   REL="NEXT"', "tags/list?last=b&n=2"],
    ["<a/tags/list?last=b>; rel=next", "/v2/a/tags/list?last=b"],
    ["</x>; rel=prev", undefined],
    ["<>; rel=next", undefined],
  ] as const)
    assert.equal(linked(link), expected, link);
});

/** A registry whose pages are these, each with its status. */
async function paged(pages: readonly { status?: number; body: string }[]) {
  const registry = await startFakeRegistry();
  registry.intercept = (request, response) => {
    const turn = Number(new URL(request.url ?? "", "http://any").searchParams.get("turn") ?? 0);
    const { status = 200, body } = pages[turn] ?? { status: 500, body: "" };
    response.writeHead(status, turn + 1 < pages.length ? { link: `<?turn=${turn + 1}>; rel="next"` } : {});
    response.end(body);
    return true;
  };
  return {
    requests: registry.requests,
    list: () => listTags(`${registry.host}/${REPOSITORY}`, quickTransport()),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

test("tags are asked for by the thousand and joined; none may be said as null", async () => {
  await using registry = await paged([
    { body: '{"tags":["a"]}' },
    { body: '{"tags":null}' },
    { body: '{"tags":["b"]}' },
  ]);
  assert.deepEqual(await registry.list(), ["a", "b"]);
  assert.deepEqual(registry.requests, [
    `GET /v2/${REPOSITORY}/tags/list?n=1000`,
    `GET /v2/${REPOSITORY}/tags/list?turn=1`,
    `GET /v2/${REPOSITORY}/tags/list?turn=2`,
  ]);
});

test("a repository that is not there has no tags, but a list that breaks off is an error", async () => {
  await using absent = await paged([{ status: 404, body: "" }]);
  assert.deepEqual(await absent.list(), []);
  await using broken = await paged([{ body: '{"tags":["a"]}' }, { status: 404, body: "" }]);
  await assert.rejects(broken.list(), /answered 404 for the list of tags/);
  await using refused = await paged([{ status: 403, body: "" }]);
  await assert.rejects(refused.list(), /answered 403 for the list of tags/);
  for (const body of ["{}", '{"tags":[1]}', "<html>"]) {
    await using odd = await paged([{ body }]);
    await assert.rejects(odd.list(), /the list of tags from .* is not one/, body);
  }
});
