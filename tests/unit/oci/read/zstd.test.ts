import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { createDecompressor, splitFrames } from "../../../../oci/read/zstd.ts";

const unpack = (chunks: Buffer[]) =>
  buffer(Readable.from(splitFrames(Readable.from(chunks))).pipe(createDecompressor()));

function skippable(content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a5e, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

test("any mix of frames and skippable frames unpacks to all of its content, however it is cut", async () => {
  const frame = fc.record({
    content: fc.oneof(
      fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(300_000).map((size) => Buffer.alloc(size, "a")),
    ),
    checksum: fc.boolean(),
    contentSize: fc.boolean(),
    skipped: fc.boolean(),
  });
  // Without any content frame the stream is damaged, and the decompressor says so.
  const someContent = fc.array(frame, { maxLength: 5 }).filter((all) => all.some(({ skipped }) => !skipped));
  const sizes = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(someContent, sizes, async (frames, chunkSizes) => {
      const packed = frames.map(({ content, checksum, contentSize, skipped }) =>
        skipped
          ? skippable(content.subarray(0, 500))
          : zstdCompressSync(content, {
              params: {
                [constants.ZSTD_c_checksumFlag]: Number(checksum),
                [constants.ZSTD_c_contentSizeFlag]: Number(contentSize),
              },
            }),
      );
      const expected = Buffer.concat(frames.filter(({ skipped }) => !skipped).map(({ content }) => content));
      const bytes = Buffer.concat(packed);
      assert.ok((await unpack(cut(bytes, chunkSizes))).equals(expected));
      assert.ok((await unpack([bytes])).equals(expected));
    }),
    { numRuns: 60 },
  );
});

test("a stream that breaks off, and one that is something else, are errors", async () => {
  const packed = zstdCompressSync(Buffer.alloc(50_000, "strata"));
  await assert.rejects(unpack([packed.subarray(0, packed.length - 3)]));
  await assert.rejects(async () => {
    for await (const _ of splitFrames(Readable.from([Buffer.from("this is text")])));
  }, /not zstd/);
});
