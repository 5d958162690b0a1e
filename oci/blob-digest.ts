import { createHash } from "node:crypto";
import type { Descriptor } from "./manifest.ts";

/** Bytes with their type, as they are stored. */
export interface Content {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** What points at `content`. */
export function descriptorOf({ mediaType, bytes }: Content): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}
