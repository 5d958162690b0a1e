import { decode, putText } from "./texts.ts";

/** Elements by their id, as EBML has it: with the bits that give its length. https://www.matroska.org/technical/elements.html */
const HEADER = 0x1a45dfa3;
const NAME = 0x45a3;
const TEXT = 0x4487;

/** What is looked into: Segment, Tags, Tag, SimpleTag. Clusters only where their end is open. */
const parents = new Set([0x18538067, 0x1254c367, 0x7373, 0x67c8]);

export function isWebm(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32BE(0) === HEADER;
}

/** The tags of a WebM or Matroska file: each has its name and then its text. ffmpeg writes names in capitals. */
export function webmTexts(bytes: Buffer): Map<string, string> {
  const texts = new Map<string, string>();
  let name = "";
  for (let at = 0; at < bytes.length; ) {
    const id = number(bytes, at, false);
    const size = id && number(bytes, at + id.length, true);
    if (!id || !size) break;
    const start = at + id.length + size.length;
    const isOpen = size.value === 2 ** (7 * size.length) - 1;
    const end = start + size.value;
    if (id.value === NAME) name = decode(bytes.subarray(start, end)).replaceAll("\0", "");
    if (id.value === TEXT) putText(texts, name, decode(bytes.subarray(start, end)).replace(/\0+$/, ""));
    at = isOpen || parents.has(id.value) ? start : end;
  }
  return texts;
}

/** A number whose first bits say of how many bytes it is; sizes are without these bits. */
function number(bytes: Buffer, at: number, isSize: boolean): { value: number; length: number } | undefined {
  const first = bytes[at];
  if (first === undefined || first === 0) return undefined;
  const length = Math.clz32(first) - 23;
  if (at + length > bytes.length) return undefined;
  let value = isSize ? first & (0xff >> length) : first;
  for (let place = 1; place < length; place++) value = value * 256 + (bytes[at + place] ?? 0);
  return { value, length };
}
