import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeText, isNoText } from "../../../../lib/lock-making/decode-text.ts";

const little = (text: string) => Buffer.from(text, "utf16le");
const big = (text: string) => little(text).swap16();
const text = "# 一般の注釈\r\nnumpy<2\r\nscikit-image>=0.20\r\ntransformers\r\nopencv-python-headless\r\n";

test("UTF-8 and UTF-16, with a mark and without, are the same text", () => {
  for (const bytes of [
    Buffer.from(text),
    Buffer.from(`\ufeff${text}`),
    little(text),
    little(`\ufeff${text}`),
    big(text),
    big(`\ufeff${text}`),
  ])
    assert.equal(decodeText(bytes), text);
  assert.equal(decodeText(little("six")), "six");
  assert.equal(decodeText(big("six")), "six");
  assert.equal(decodeText(Buffer.alloc(0)), "");
  assert.equal(isNoText(text), false);
});

test("what is neither comes with NULs", () => {
  const wide = (text: string) =>
    Buffer.concat([...text].map((letter) => Buffer.from([letter.charCodeAt(0), 0, 0, 0])));
  for (const bytes of [
    wide("numpy<2"),
    Buffer.concat([Buffer.from([0xff, 0xfe, 0, 0]), wide("numpy<2")]),
    wide("numpy<2").swap32(),
    Buffer.from("PK\x03\x04\0\0\0\0archive!"),
    // Half of it was written by another program.
    Buffer.concat([Buffer.from("numpy<2 and a good many more lines\n"), little("six\n")]),
  ])
    assert.equal(isNoText(decodeText(bytes)), true, bytes.toString("hex"));
});
