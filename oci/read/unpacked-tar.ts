import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { LayerPacking } from "../manifest.ts";
import { createDecompressor, splitFrames } from "./zstd.ts";

/** The tar of a layer out of its blob. An error of the blob is an error of the stream. */
export function unpackedTar(blob: AsyncIterable<Buffer>, packing: LayerPacking): Readable {
  if (packing === "none") return Readable.from(blob, { objectMode: false });
  const chunks = packing === "zstd" ? splitFrames(blob) : blob;
  const unpacked = packing === "zstd" ? createDecompressor() : createGunzip({ chunkSize: 1024 * 1024 });
  // An error of the blob destroys the decompressor with it, so the reader sees it; nothing is left to handle here.
  pipeline(Readable.from(chunks), unpacked).catch(() => {});
  return unpacked;
}
