import { inflateSync } from "node:zlib";
import { UserError } from "../../../../errors.ts";
import { decode, putText } from "./texts.ts";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** More text than any workflow has: a chunk that unpacks to more is an attack or damaged. */
const LONGEST_TEXT = 64 * 2 ** 20;

/** Only these are unpacked: what other programs leave is not looked at. */
const wanted = new Set(["prompt", "workflow", "comment"]);

export function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, signature.length).equals(signature);
}

/**
 * The texts in a PNG by keyword: chunks tEXt, zTXt (compressed) and iTXt (UTF-8, compressed or not), and `comf`, in which
 * ComfyUI saves them behind the pixels of an animated one. Of several with one keyword the first counts. A file that
 * breaks off gives what came before. https://www.w3.org/TR/png-3/#11textinfo
 */
export function pngTexts(bytes: Buffer, path: string): Map<string, string> {
  const texts = new Map<string, string>();
  for (let at = signature.length; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (data.length < length) {
      if (texts.has("prompt") || texts.has("workflow")) break;
      throw damaged(path, `its chunk ${JSON.stringify(type).slice(1, -1)} is cut off`);
    }
    const [keyword, text] = readText(type, data, path) ?? [];
    if (keyword !== undefined && text !== undefined) putText(texts, keyword, text);
    at += 12 + length;
  }
  return texts;
}

function readText(type: string, data: Buffer, path: string): [string, string] | undefined {
  if (!["tEXt", "comf", "zTXt", "iTXt"].includes(type)) return undefined;
  const keyword = untilZero(data, 0);
  if (!wanted.has(keyword.text.toLowerCase())) return undefined;
  switch (type) {
    case "zTXt":
      return [keyword.text, decode(unpack(data.subarray(keyword.next + 1), path))];
    case "iTXt": {
      const isPacked = data[keyword.next] === 1;
      const language = untilZero(data, keyword.next + 2);
      const translated = untilZero(data, language.next);
      const rest = data.subarray(translated.next);
      return [keyword.text, (isPacked ? unpack(rest, path) : rest).toString("utf8")];
    }
    default:
      return [keyword.text, decode(data.subarray(keyword.next))];
  }
}

function untilZero(data: Buffer, start: number): { text: string; next: number } {
  const end = data.indexOf(0, start);
  const stop = end < 0 ? data.length : end;
  return { text: data.toString("latin1", start, stop), next: stop + 1 };
}

function unpack(data: Buffer, path: string): Buffer {
  try {
    return inflateSync(data, { maxOutputLength: LONGEST_TEXT });
  } catch (error) {
    throw damaged(path, `a compressed text cannot be read (${(error as Error).message})`);
  }
}

function damaged(path: string, problem: string): UserError {
  return new UserError(path, `is a damaged PNG: ${problem}.`, "Give the file as ComfyUI saved it.");
}
