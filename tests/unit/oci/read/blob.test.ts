import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import type { Transport } from "../../../../oci/access/transport.ts";
import { readBlob } from "../../../../oci/read/blob.ts";
import { parseReference } from "../../../../oci/references.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const text = "0123456789";
const named = (algorithm: string) => ({
  digest: `${algorithm}:${createHash(algorithm).update(text).digest("hex")}`,
  size: text.length,
});
const blob = named("sha256");

/** What the registry sends, and whether it breaks the connection then. */
interface Part {
  readonly status?: number;
  readonly chunks: readonly string[];
  readonly breaks?: boolean;
}

/** A registry that sends these parts, one a request, the last one again and again. */
async function setting(t: TestContext, parts: Part[]) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const ranges: (string | undefined)[] = [];
  registry.intercept = async ({ headers }, response) => {
    const part = parts[Math.min(ranges.length, parts.length - 1)] ?? assert.fail();
    ranges.push(headers.range);
    response.writeHead(part.status ?? 200);
    for (const chunk of part.chunks) {
      await new Promise((resolve) => response.write(chunk, resolve));
      // Time for it to arrive alone.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (part.breaks) response.destroy();
    else response.end();
    return true;
  };
  const reference = parseReference(`${registry.host}/${REPOSITORY}:x`);
  /** What was read, until the end or the error. */
  const read = async (from = 0, asked = blob, attempts = 2) => {
    const chunks: string[] = [];
    try {
      for await (const chunk of readBlob(quickTransport(attempts), reference, asked, from))
        chunks.push(String(chunk));
    } catch (error) {
      return { chunks, error: String(error) };
    }
    return { chunks, error: undefined };
  };
  return { read, ranges };
}

test("a blob is compared with its digest, of either kind", async (t) => {
  for (const algorithm of ["sha256", "sha512"]) {
    const { read, ranges } = await setting(t, [{ chunks: [text] }]);
    assert.deepEqual(await read(0, named(algorithm)), { chunks: [text], error: undefined });
    assert.deepEqual(ranges, [undefined]);
    const wrong = await setting(t, [{ chunks: ["012345678x"] }]);
    const { chunks, error } = await wrong.read(0, named(algorithm));
    assert.deepEqual(chunks, []);
    assert.match(error ?? "", new RegExp(`has the digest ${algorithm}:`));
  }
});

test("whoever reads on the way has all but the last chunk before the digest is known", async (t) => {
  const { read } = await setting(t, [{ chunks: ["0123", "4567", "8x"] }]);
  const { chunks, error } = await read();
  assert.deepEqual(chunks, ["0123", "4567"]);
  assert.match(error ?? "", /has the digest/);
});

test("from a byte on it is asked for as a range, and its reader compares the digest", async (t) => {
  const { read, ranges } = await setting(t, [{ status: 206, chunks: ["456", "78x"] }]);
  assert.deepEqual(await read(4), { chunks: ["456", "78x"], error: undefined });
  assert.deepEqual(ranges, ["bytes=4-"]);
  const ignoring = await setting(t, [{ chunks: ["01", "23456", "789"] }]);
  assert.deepEqual(await ignoring.read(4), { chunks: ["456", "789"], error: undefined });
  const exact = await setting(t, [{ chunks: ["0123", "456789"] }]);
  assert.deepEqual(await exact.read(4), { chunks: ["456789"], error: undefined });
});

test("what breaks off goes on from there, and only attempts in vain are counted", async (t) => {
  const broken = (chunk: string, status = 206): Part => ({ status, chunks: [chunk], breaks: true });
  const { read, ranges } = await setting(t, [
    broken("01", 200),
    broken("23"),
    broken("45"),
    broken("67"),
    { status: 206, chunks: ["89"] },
  ]);
  assert.deepEqual(await read(), { chunks: ["01", "23", "45", "67", "89"], error: undefined });
  assert.deepEqual(ranges, [undefined, "bytes=2-", "bytes=4-", "bytes=6-", "bytes=8-"]);
});

test("a registry that gives no more is asked as often as the transport says", async (t) => {
  const { read, ranges } = await setting(t, [{ chunks: ["0123"] }, { status: 206, chunks: [] }]);
  const { chunks, error } = await read(0, blob, 3);
  assert.deepEqual(chunks, []);
  assert.match(error ?? "", /broke off after 4 of 10 bytes/);
  assert.deepEqual(ranges, [undefined, "bytes=4-", "bytes=4-"]);
});

test("an empty blob is nothing, and is right", async (t) => {
  const { read } = await setting(t, [{ chunks: [] }]);
  const digest = `sha256:${createHash("sha256").update("").digest("hex")}`;
  assert.deepEqual(await read(0, { digest, size: 0 }), { chunks: [], error: undefined });
});

test("an error that will not pass ends it, unless something came before it", async () => {
  const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" });
  const readWith = async (...turns: [unknown, string][]) => {
    const asked: unknown[] = [];
    const transport = {
      attempts: 3,
      pause: async () => {},
      request: async (_: unknown, __: string, { headers }: { headers: { range?: string } }) => {
        const [error, chunk] = turns[asked.length] ?? assert.fail();
        asked.push(headers.range);
        async function* chunks() {
          if (chunk) yield Buffer.from(chunk);
          if (error) throw error;
        }
        return { status: headers.range ? 206 : 200, headers: new Headers(), chunks };
      },
    };
    const chunks: string[] = [];
    const reference = parseReference("r.invalid/a:t");
    for await (const chunk of readBlob(transport as unknown as Transport, reference, blob))
      chunks.push(String(chunk));
    return { chunks, asked };
  };
  await assert.rejects(readWith([new Error("odd"), ""]), /r\.invalid does not answer \(odd\)/);
  assert.deepEqual(await readWith([new Error("odd"), "0123"], [undefined, "456789"]), {
    chunks: ["0123", "456789"],
    asked: [undefined, "bytes=4-"],
  });
  assert.deepEqual(await readWith([reset, ""], [undefined, text]), {
    chunks: [text],
    asked: [undefined, undefined],
  });
});

test("one that sends more is not listened to any longer, and one that refuses is told of", async (t) => {
  const { read, ranges } = await setting(t, [{ chunks: ["01234567", "89more"] }]);
  const { chunks, error } = await read();
  assert.deepEqual(chunks, []);
  assert.match(error ?? "", /is longer than the 10 bytes/);
  assert.equal(ranges.length, 1);
  for (const status of [203, 404]) {
    const refused = await setting(t, [{ status, chunks: [text] }]);
    assert.match((await refused.read()).error ?? "", new RegExp(`answered ${status} for the blob sha256:`));
  }
});
