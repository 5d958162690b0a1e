/** Read are files that the savers' own libraries wrote: tests/support/saved/make.py has the calls. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { UserError } from "../../../../../../errors.ts";
import { repository } from "../../../../../../home.ts";
import { apiNode, png, read } from "../../../../../support/workflows.ts";

const folder = join(repository, "tests/support/saved");
const saved = readdirSync(folder).filter((name) => !name.endsWith(".py"));
const bytesOf = (name: string) => readFileSync(join(folder, name));
const sent = JSON.stringify({ "1": apiNode("UNETLoader", { unet_name: "sent.safetensors" }) });

test("every file in which a node leaves a workflow is read, with what the editor knew beside it", () => {
  assert.equal(saved.length, 14);
  for (const name of saved) {
    const { format, nodes } = read(bytesOf(name), name);
    const [loader] = nodes;
    assert.deepEqual(
      [format, nodes.length, loader?.named.unet_name, loader?.named.note],
      ["api", 2, { value: "sent.safetensors" }, { value: "é" }],
      name,
    );
    assert.equal(loader?.hints[0]?.url, "https://example.org/sent.safetensors", name);
  }
});

test("a file that breaks off, or has any bytes changed, gives an answer or says what is wrong", () => {
  const files = saved.map(bytesOf);
  const arbitrary = fc.record({
    file: fc.constantFrom(...files),
    end: fc.nat(3000),
    changes: fc.array(fc.tuple(fc.nat(3000), fc.nat(255)), { maxLength: 8 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ file, end, changes }) => {
      const bytes = Buffer.from(file.subarray(0, end));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      assertAnswer(bytes);
    }),
    { numRuns: 2000 },
  );
});

test("any bytes behind any beginning give an answer or say what is wrong", () => {
  const beginnings = [...saved.map((name) => bytesOf(name).subarray(0, 16)), Buffer.alloc(0)];
  fc.assert(
    fc.property(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 400 }), (start, rest) =>
      assertAnswer(Buffer.concat([start, rest])),
    ),
    { numRuns: 2000 },
  );
});

function assertAnswer(bytes: Buffer): void {
  try {
    read(bytes);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
  }
}

test("boxes in boxes without end are no way to stop a program", () => {
  const box = Buffer.from("\0\0\0\0moov", "latin1");
  const deep = Buffer.concat([
    Buffer.from("\0\0\0\x10ftypisom\0\0\0\0", "latin1"),
    ...Array(200_000).fill(box),
  ]);
  assert.throws(() => read(deep), /is a video \(MP4\) without a workflow\. Only what ComfyUI saved itself/);
});

test("a box may have its size in eight bytes, and the last one none", () => {
  const boxOf = (type: string, data: Buffer, size = data.length + 8) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(size);
    head.write(type, 4, "latin1");
    return Buffer.concat([head, data]);
  };
  const large = (type: string, data: Buffer) => {
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(data.length + 16));
    return boxOf(type, Buffer.concat([size, data]), 1);
  };
  const value = boxOf(
    "data",
    Buffer.concat([Buffer.alloc(8), Buffer.from(JSON.stringify({ prompt: sent }))]),
  );
  const ilst = boxOf("ilst", boxOf("\xa9cmt", value), 0);
  const moov = boxOf("moov", boxOf("udta", boxOf("meta", Buffer.concat([Buffer.alloc(4), ilst]))), 0);
  const bytes = Buffer.concat([boxOf("ftyp", Buffer.alloc(4)), large("mdat", Buffer.alloc(99)), moov]);
  assert.equal(read(bytes).nodes[0]?.type, "UNETLoader");
});

test("a video of a stream, whose parts have no size, is read to its tags", () => {
  const element = (id: number[], data: Buffer) => {
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(data.length) | (1n << 56n));
    return Buffer.concat([Buffer.from(id), size, data]);
  };
  const open = (id: number[], data: Buffer) => Buffer.concat([Buffer.from(id), Buffer.from([0xff]), data]);
  const tag = (name: string, text: string) =>
    element(
      [0x67, 0xc8],
      Buffer.concat([element([0x45, 0xa3], Buffer.from(name)), element([0x44, 0x87], Buffer.from(text))]),
    );
  const tags = element(
    [0x12, 0x54, 0xc3, 0x67],
    element([0x73, 0x73], Buffer.concat([tag("TITLE", "x"), tag("PROMPT", sent)])),
  );
  const cluster = open([0x1f, 0x43, 0xb6, 0x75], element([0xa3], Buffer.from([0x45, 0xa3, 0x81, 0x50])));
  const bytes = Buffer.concat([
    element([0x1a, 0x45, 0xdf, 0xa3], Buffer.alloc(3)),
    open([0x18, 0x53, 0x80, 0x67], Buffer.concat([cluster, tags])),
  ]);
  assert.equal(read(bytes).nodes[0]?.type, "UNETLoader");
});

test("a comment of more than one page of Ogg is put together", () => {
  const text = (value: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(value));
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const long = JSON.stringify({ ...JSON.parse(sent), pad: "x".repeat(70_000) });
  const count = Buffer.from([1, 0, 0, 0]);
  const packet = Buffer.concat([Buffer.from("OpusTags"), text("maker"), count, text(`prompt=${long}`)]);
  const page = (data: Buffer, isEnd: boolean) => {
    const lengths = Array(Math.floor(data.length / 255)).fill(255);
    if (isEnd) lengths.push(data.length % 255);
    const head = Buffer.concat([
      Buffer.from("OggS"),
      Buffer.alloc(22),
      Buffer.from([lengths.length]),
      Buffer.from(lengths),
    ]);
    return Buffer.concat([head, data]);
  };
  const most = 255 * 255;
  const bytes = Buffer.concat([
    page(Buffer.from("OpusHead"), true),
    page(packet.subarray(0, most), false),
    page(packet.subarray(most), true),
  ]);
  assert.equal(read(bytes).nodes[0]?.type, "UNETLoader");
});

test("an MP3 of the older form has plain sizes, and texts of two bytes a character", () => {
  const frame = (data: Buffer) => {
    const head = Buffer.from("TXXX\0\0\0\0\0\0", "latin1");
    head.writeUInt32BE(data.length, 4);
    return Buffer.concat([head, data]);
  };
  const wide = (text: string) => Buffer.from(`\ufeff${text}`, "utf16le");
  const frames = frame(Buffer.concat([Buffer.from([1]), wide("prompt\0"), wide(sent)]));
  const size = Buffer.from([0, 0, frames.length >> 7, frames.length & 0x7f]);
  const bytes = Buffer.concat([Buffer.from("ID3\x03\0\0", "latin1"), size, frames]);
  assert.equal(read(bytes).nodes[0]?.type, "UNETLoader");
});

test("a picture that breaks off behind its workflow is read all the same", () => {
  const whole = png([
    ["comf", Buffer.from(`prompt\0${sent}`)],
    ["IDAT", Buffer.alloc(50)],
  ]);
  assert.equal(read(whole.subarray(0, whole.length - 40)).nodes[0]?.type, "UNETLoader");
});

test("a text of a picture is UTF-8 as programs write it, or Latin-1 as the format says", () => {
  const title = (bytes: Buffer) =>
    read(png([["tEXt", Buffer.concat([Buffer.from("prompt\0"), bytes])]])).nodes[0]?.title;
  const text = JSON.stringify({ "1": { class_type: "X", _meta: { title: "é" } } });
  assert.equal(title(Buffer.from(text, "utf8")), "é");
  assert.equal(title(Buffer.from(text, "latin1")), "é");
});
