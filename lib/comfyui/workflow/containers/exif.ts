import { decode, putText } from "./texts.ts";

/** The type of a text in EXIF. */
const ASCII = 2;

export function isWebp(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP";
}

export function isJpeg(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Chunks of name, size and data, filled up to an even length. */
export function exifTextsOfWebp(bytes: Buffer): Map<string, string> {
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32LE(at + 4);
    if (bytes.toString("latin1", at, at + 4) === "EXIF")
      return exifTexts(bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size + (size % 2);
  }
  return new Map();
}

/** Segments before the picture, each with its length. */
export function exifTextsOfJpeg(bytes: Buffer): Map<string, string> {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda; ) {
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    const data = bytes.subarray(at + 4, end);
    if (bytes[at + 1] === 0xe1 && data.toString("latin1", 0, 4) === "Exif") return exifTexts(data);
    at = end;
  }
  return new Map();
}

/**
 * ComfyUI writes `prompt:{…}` as the camera's model and `workflow:{…}` as its maker, and others `Workflow:{…}` as the
 * description: so the text names its key, and not the tag. Read is the first directory alone, where all of them are.
 */
function exifTexts(data: Buffer): Map<string, string> {
  const texts = new Map<string, string>();
  const tiff = data.toString("latin1", 0, 4) === "Exif" ? data.subarray(6) : data;
  const order = tiff.toString("latin1", 0, 2);
  if (tiff.length < 8 || (order !== "II" && order !== "MM")) return texts;
  const short = (at: number) => (order === "II" ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const long = (at: number) => (order === "II" ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at));
  const directory = long(4);
  if (directory + 2 > tiff.length) return texts;
  for (
    let left = short(directory), at = directory + 2;
    left > 0 && at + 12 <= tiff.length;
    left--, at += 12
  ) {
    const count = long(at + 4);
    if (short(at + 2) !== ASCII || count <= 4) continue;
    const start = long(at + 8);
    const text = decode(tiff.subarray(start, start + count)).replace(/\0+$/, "");
    const [whole, key] = /^(\w+):\s*(?=\{)/.exec(text) ?? [];
    if (whole !== undefined && key !== undefined) putText(texts, key, text.slice(whole.length));
  }
  return texts;
}
