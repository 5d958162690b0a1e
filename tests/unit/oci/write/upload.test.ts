import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { digestOf } from "../../../../oci/blob-digest.ts";
import { parseReference } from "../../../../oci/references.ts";
import { ensureBlob, type UploadOptions } from "../../../../oci/write/upload.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const bytes = Buffer.from("0123456789");
const blob = { mediaType: "m", digest: digestOf(bytes), size: bytes.length };
const UPLOADS = `/v2/${REPOSITORY}/blobs/uploads/`;

interface Said {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** The connection is broken instead. */
  readonly broken?: boolean;
}
const begun: Said = { status: 202, headers: { location: "/up/1" } };
const taken: Said = { status: 202, headers: { location: "/up/2" } };
const BROKEN: Said = { status: 0, broken: true };

/**
 * A registry that gives these answers by method, the last one again and again: 404 for HEAD, a place for POST, all
 * taken for PATCH and PUT unless said otherwise. `asked` has what came: method, path, range, body.
 */
async function setting(t: TestContext, answers: Record<string, Said[]> = {}) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const said: Record<string, Said[]> = {
    HEAD: [{ status: 404 }],
    POST: [begun],
    PATCH: [taken],
    PUT: [{ status: 201 }],
    GET: [{ status: 404 }],
    ...answers,
  };
  const asked: string[] = [];
  registry.intercept = async (request, response) => {
    const { method = "", url, headers } = request;
    const range = headers["content-range"] ?? "";
    asked.push([method, url, range, await text(request)].filter(Boolean).join(" "));
    const all = said[method] ?? [];
    const answer = (all.length > 1 ? all.shift() : all[0]) ?? { status: 500 };
    if (answer.broken) request.socket.destroy();
    else response.writeHead(answer.status, answer.headers).end();
    return true;
  };
  const kept: (string | undefined)[] = [];
  const sessions = {
    get: async () => undefined,
    set: async (_: unknown, __: string, at?: string) => void kept.push(at),
  };
  /** @param name as which the registry is asked, where it is not its own */
  const send = (options: Partial<UploadOptions> = {}, attempts = 3, name = registry.host) => {
    const transport = quickTransport(attempts);
    const request = transport.request.bind(transport);
    transport.request = (target, path, init) => request({ ...target, registry: registry.host }, path, init);
    return ensureBlob(transport, parseReference(`${name}/${REPOSITORY}:x`), blob, {
      read: async function* (from) {
        yield bytes.subarray(from);
      },
      sessions,
      ...options,
    });
  };
  return { asked, kept, send };
}
const at = (location: string) => ({ get: async () => location, set: async () => {} });
const END = `PUT /up/2?digest=${encodeURIComponent(blob.digest)}`;
const ALL = "PATCH /up/1 0123456789";

test("a blob is sent from its beginning and closed with its digest; where it was begun is kept, then forgotten", async (t) => {
  const { asked, kept, send } = await setting(t);
  const sent: number[] = [];
  assert.equal(await send({ onBytes: (count) => sent.push(count) }), "sent");
  assert.deepEqual(asked.slice(1), [`POST ${UPLOADS}`, ALL, END]);
  assert.deepEqual(kept, ["/up/1", undefined]);
  assert.deepEqual(sent, [10]);
});

test("what is there is neither mounted nor sent", async (t) => {
  const { asked, send } = await setting(t, { HEAD: [{ status: 200 }] });
  assert.equal(await send({ mountFrom: "other" }), "there");
  assert.equal(asked.length, 1);
});

test("a mount that is granted ends it; one that is refused is sent, any other refusal is an error", async (t) => {
  const mount = `POST ${UPLOADS}?${new URLSearchParams({ mount: blob.digest, from: "other" })}`;
  const granted = await setting(t, { POST: [{ status: 201 }] });
  assert.equal(await granted.send({ mountFrom: "other" }), "mounted");
  assert.deepEqual(granted.asked.slice(1), [mount]);
  for (const status of [401, 403, 404]) {
    const refused = await setting(t, { POST: [{ status }, begun] });
    assert.equal(await refused.send({ mountFrom: "other" }), "sent", `${status}`);
    assert.deepEqual(refused.asked.slice(1, 3), [mount, `POST ${UPLOADS}`]);
    const closed = await setting(t, { POST: [{ status }] });
    await assert.rejects(
      closed.send({ mountFrom: "other" }),
      new RegExp(`answered ${status} for the upload`),
    );
    assert.equal(closed.asked.length, 3);
  }
  const odd = await setting(t, { POST: [{ status: 405 }] });
  await assert.rejects(odd.send({ mountFrom: "other" }), /answered 405 for the upload/);
  assert.equal(odd.asked.length, 2);
});

test("an earlier run's upload goes on where the registry says; one it does not know begins anew", async (t) => {
  for (const [range, from] of [
    ["0-3", 4],
    ["bytes=0-3", 4],
    ["0-0", 0],
    ["3-5", 0],
    ["0-3x", 0],
  ] as const) {
    const { asked, send } = await setting(t, { GET: [{ status: 204, headers: { range } }] });
    await send({ sessions: at("/old") });
    const rest = from > 0 ? `${from}-9 ${bytes.subarray(from)}` : bytes;
    assert.deepEqual(asked.slice(1), ["GET /old", `PATCH /old ${rest}`, END], range);
  }
  const unsaid = await setting(t, { GET: [{ status: 204 }] });
  await unsaid.send({ sessions: at("/old") });
  assert.equal(unsaid.asked[2], "PATCH /old 0123456789");
  const moved = await setting(t, { GET: [{ status: 204, headers: { range: "0-3", location: "/new" } }] });
  await moved.send({ sessions: at("/old") });
  assert.equal(moved.asked[2], "PATCH /new 4-9 456789");
  const forgotten = await setting(t, { GET: [{ status: 200 }] });
  await forgotten.send({ sessions: at("/old") });
  assert.deepEqual(forgotten.asked.slice(1), ["GET /old", `POST ${UPLOADS}`, ALL, END]);
});

test("an upload that is there as a whole is only closed", async (t) => {
  const { asked, send } = await setting(t, { GET: [{ status: 204, headers: { range: "0-9" } }] });
  await send({ sessions: at("/up/2") });
  assert.deepEqual(asked.slice(1), ["GET /up/2", END]);
});

test("after a passing failure it goes on where it is; after one that forgot it, from the beginning", async (t) => {
  const there: Said = { status: 204, headers: { range: "0-3" } };
  for (const problem of [BROKEN, ...[401, 429, 500, 503].map((status) => ({ status }))]) {
    const { asked, send } = await setting(t, { PATCH: [problem, taken], GET: [there] });
    assert.equal(await send(), "sent", `${problem.status}`);
    assert.deepEqual(asked.slice(2), [ALL, "GET /up/1", "PATCH /up/1 4-9 456789", END]);
  }
  for (const status of [400, 404, 410, 416]) {
    const { asked, send } = await setting(t, { PATCH: [{ status }, taken], GET: [there] });
    assert.equal(await send(), "sent", `${status}`);
    assert.deepEqual(asked.slice(1), [`POST ${UPLOADS}`, ALL, `POST ${UPLOADS}`, ALL, END]);
  }
  const { asked, send } = await setting(t, { PATCH: [{ status: 403 }] });
  await assert.rejects(send(), /answered 403 for the upload of sha256:/);
  assert.equal(asked.length, 3);
});

test("attempts that bring nothing are counted, and those that bring something are not", async (t) => {
  const stuck = await setting(t, {
    PATCH: [{ status: 503 }],
    GET: [{ status: 204, headers: { range: "0-3" } }],
  });
  await assert.rejects(stuck.send(), /answered 503 for the upload of sha256:/);
  // From the beginning, once with what that brought, and twice more in vain.
  assert.equal(stuck.asked.filter((line) => line.startsWith("PATCH")).length, 4);
  const slow = await setting(t, {
    PATCH: [BROKEN, BROKEN, BROKEN, BROKEN, taken],
    GET: ["0-1", "0-2", "0-3", "0-4"].map((range) => ({ status: 204, headers: { range } })),
  });
  assert.equal(await slow.send({}, 2), "sent");
});

test("what the registry finds wrong at the end is sent once more, and a refusal there is an error", async (t) => {
  for (const status of [400, 404, 410, 416]) {
    const { asked, kept, send } = await setting(t, { PUT: [{ status }, { status: 201 }] });
    assert.equal(await send(), "sent", `${status}`);
    const look = `HEAD /v2/${REPOSITORY}/blobs/${blob.digest}`;
    assert.deepEqual(asked.slice(1), [`POST ${UPLOADS}`, ALL, END, look, `POST ${UPLOADS}`, ALL, END]);
    assert.deepEqual(kept, ["/up/1", undefined, "/up/1", undefined]);
  }
  const refused = await setting(t, { PUT: [{ status: 403 }] });
  await assert.rejects(refused.send(), /answered 403 for the upload of sha256:/);
  assert.deepEqual(refused.kept, ["/up/1", undefined]);
  assert.equal(refused.asked.filter((line) => line.startsWith("PUT")).length, 1);
});

test("an end whose answer was lost is no reason to send all of it again: the blob is there", async (t) => {
  const { asked, kept, send } = await setting(t, {
    HEAD: [{ status: 404 }, { status: 200 }],
    PUT: [BROKEN, { status: 404 }],
  });
  assert.equal(await send(), "sent");
  assert.equal(asked.filter((line) => line.startsWith("PATCH")).length, 1);
  assert.deepEqual(kept, ["/up/1", undefined]);
});

test("a source that fails is the failure, not the request that it ended", async (t) => {
  const { asked, send } = await setting(t);
  const read = async function* () {
    yield bytes.subarray(0, 3);
    throw new Error("the source is gone");
  };
  await assert.rejects(send({ read }), /^Error: the source is gone$/);
  assert.equal(asked.filter((line) => line.startsWith("POST")).length, 1);
});

test("every answer with which registries take bytes is one: ECR's 201, and 204 of older ones", async (t) => {
  for (const status of [201, 202, 204]) {
    const { asked, send } = await setting(t, { PATCH: [{ ...taken, status }], PUT: [{ status }] });
    assert.equal(await send(), "sent", `${status}`);
    assert.deepEqual(asked.slice(2), [ALL, END], `${status}`);
  }
  const silent = await setting(t, { PATCH: [{ status: 202 }] });
  assert.equal(await silent.send(), "sent");
  assert.equal(
    silent.asked.at(-1),
    END.replace("/up/2", "/up/1"),
    "without another place it ends where it was",
  );
});

test("201 for a second piece is no promise: all of it is sent again", async (t) => {
  const there: Said = { status: 204, headers: { range: "0-3" } };
  const { asked, send } = await setting(t, {
    PATCH: [BROKEN, { ...taken, status: 201 }],
    GET: [there],
  });
  assert.equal(await send(), "sent");
  assert.deepEqual(asked.slice(3), ["GET /up/1", "PATCH /up/1 4-9 456789", `POST ${UPLOADS}`, ALL, END]);
});

test("at ECR nobody asks how far an upload is: after a break it begins anew, and in the next run", async (t) => {
  const { asked, send } = await setting(t, { PATCH: [BROKEN, { ...taken, status: 201 }] });
  const ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
  assert.equal(await send({ sessions: at("/old") }, 3, ecr), "sent");
  assert.deepEqual(asked.slice(1), [`POST ${UPLOADS}`, ALL, `POST ${UPLOADS}`, ALL, END]);
});
