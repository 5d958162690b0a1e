import { decode, putText } from "./texts.ts";

/** A text that a program names itself. */
const OWN_TEXT = "TXXX";

export function isId3(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 3) === "ID3" && bytes.length >= 10;
}

/** The texts before the sound of an MP3. https://id3.org/id3v2.4.0-structure */
export function id3Texts(bytes: Buffer): Map<string, string> {
  const texts = new Map<string, string>();
  const end = 10 + sevenBits(bytes, 6);
  const sizeAt = (at: number) => ((bytes[3] ?? 0) >= 4 ? sevenBits(bytes, at) : bytes.readUInt32BE(at));
  for (let at = 10; at + 10 <= Math.min(end, bytes.length) && bytes[at] !== 0; ) {
    const size = sizeAt(at + 4);
    const data = bytes.subarray(at + 10, at + 10 + size);
    if (bytes.toString("latin1", at, at + 4) === OWN_TEXT) {
      const [key, text] = ownText(data);
      if (text !== undefined) putText(texts, key, text);
    }
    at += 10 + size;
  }
  return texts;
}

/** The encoding, then the text's name up to a zero, then the text. */
function ownText(data: Buffer): [string, string | undefined] {
  const isWide = data[0] === 1 || data[0] === 2;
  const text = isWide
    ? new TextDecoder(data[0] === 1 && data[1] === 0xff ? "utf-16le" : "utf-16be").decode(data.subarray(1))
    : decode(data.subarray(1));
  const [key = "", value] = text.split("\0");
  return [key, value?.replace(/^\ufeff/, "")];
}

/** Sizes leave out each byte's first bit, so that no sound begins in them. */
function sevenBits(bytes: Buffer, at: number): number {
  return [0, 1, 2, 3].reduce((value, place) => value * 128 + ((bytes[at + place] ?? 0) & 0x7f), 0);
}
