import { decode, putText } from "./texts.ts";

/** Boxes that hold others. */
const parents = new Set(["moov", "udta", "meta", "ilst"]);

/** Old players and ffmpeg without `use_metadata_tags` know a comment alone. */
const COMMENT = "\xa9cmt";

interface Box {
  readonly type: string;
  readonly data: Buffer;
}

export function isMp4(bytes: Buffer): boolean {
  return bytes.toString("latin1", 4, 8) === "ftyp";
}

/**
 * What a video of ISO's file format says of itself: names in `keys` with values in `ilst` (ffmpeg's `use_metadata_tags`,
 * as ComfyUI and VideoHelperSuite save), or a comment as iTunes and QuickTime write it.
 */
export function mp4Texts(bytes: Buffer): Map<string, string> {
  const texts = new Map<string, string>();
  read(bytes, [], [], texts);
  return texts;
}

function read(bytes: Buffer, path: readonly string[], names: string[], texts: Map<string, string>): void {
  const parent = path.at(-1);
  for (const { type, data } of boxes(bytes)) {
    if (parent === "ilst") {
      const number = Buffer.from(type, "latin1").readUInt32BE(0);
      const key = type === COMMENT ? "comment" : names[number - 1];
      const value = [...boxes(data)].find((box) => box.type === "data");
      // Kind and language stand before the value.
      if (key !== undefined && value) putText(texts, key, decode(value.data.subarray(8)));
    } else if (type === "keys") names.push(...keyNames(data));
    else if (type === COMMENT && parent === "udta") putText(texts, "comment", decode(quickTimeText(data)));
    else if (parents.has(type) && path.length < parents.size)
      read(type === "meta" ? insideMeta(data) : data, [...path, type], names, texts);
  }
}

/** Size and type of four bytes each; a size of 1 stands for one of eight bytes behind, 0 for all that is left. */
function* boxes(bytes: Buffer): Generator<Box> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const isLarge = bytes.readUInt32BE(at) === 1 && at + 16 <= bytes.length;
    const size = isLarge ? Number(bytes.readBigUInt64BE(at + 8)) : bytes.readUInt32BE(at);
    const end = size === 0 ? bytes.length : at + size;
    const start = at + (isLarge ? 16 : 8);
    if (end < start) return;
    yield { type: bytes.toString("latin1", at + 4, at + 8), data: bytes.subarray(start, end) };
    at = end;
  }
}

/** ISO has a version before the boxes in `meta`, QuickTime has none. */
function insideMeta(data: Buffer): Buffer {
  return data.toString("latin1", 4, 8) === "hdlr" ? data : data.subarray(4);
}

function keyNames(data: Buffer): string[] {
  // A version and the number of names; each has its size and namespace before it, as a box has its type.
  return [...boxes(data.subarray(8))].map((box) => decode(box.data));
}

/** Length and language, two bytes each, before the text. */
function quickTimeText(data: Buffer): Buffer {
  return data.length < 4 ? data : data.subarray(4, 4 + data.readUInt16BE(0));
}
