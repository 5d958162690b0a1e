import { decode, putText } from "./texts.ts";

/** The block of FLAC that holds comments. */
const COMMENTS = 4;

export function isFlac(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 4) === "fLaC";
}

export function isOgg(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 4) === "OggS";
}

/** Blocks of kind, length in three bytes and data, up to the one that says it is the last. */
export function flacTexts(bytes: Buffer): Map<string, string> {
  for (let at = 4; at + 4 <= bytes.length; ) {
    const kind = bytes[at] ?? 0;
    const end = at + 4 + bytes.readUIntBE(at + 1, 3);
    if ((kind & 0x7f) === COMMENTS) return comments(bytes.subarray(at + 4, end));
    if (kind & 0x80) break;
    at = end;
  }
  return new Map();
}

/** The second packet of the stream holds comments: Opus and Vorbis have their name before them. */
export function oggTexts(bytes: Buffer): Map<string, string> {
  const packet = secondPacket(bytes);
  const start = packet.toString("latin1", 0, 8) === "OpusTags" ? 8 : 7;
  return comments(packet.subarray(start));
}

/** Pages list the lengths of their pieces; a packet ends with the first piece of less than 255 bytes. */
function secondPacket(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let packets = 0;
  for (let at = 0; at + 27 <= bytes.length && bytes.toString("latin1", at, at + 4) === "OggS"; ) {
    const lengths = bytes.subarray(at + 27, at + 27 + (bytes[at + 26] ?? 0));
    at += 27 + lengths.length;
    for (const length of lengths) {
      if (packets === 1) pieces.push(bytes.subarray(at, at + length));
      at += length;
      if (length < 255 && ++packets === 2) return Buffer.concat(pieces);
    }
  }
  return Buffer.concat(pieces);
}

/** The maker's name, then `key=value` texts, each after its length. https://xiph.org/vorbis/doc/v-comment.html */
function comments(data: Buffer): Map<string, string> {
  const texts = new Map<string, string>();
  let at = 0;
  const next = (): Buffer | undefined => {
    if (at + 4 > data.length) return undefined;
    const start = at + 4;
    at = start + data.readUInt32LE(at);
    return data.subarray(start, at);
  };
  next();
  at += 4;
  for (let each = next(); each; each = next()) {
    const text = decode(each);
    const sign = text.indexOf("=");
    if (sign > 0) putText(texts, text.slice(0, sign), text.slice(sign + 1));
  }
  return texts;
}
