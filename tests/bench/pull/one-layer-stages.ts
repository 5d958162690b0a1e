/** An image as it was when each stage was one layer: the layers of a stage are joined, all else stays. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import type { Descriptor } from "../../../oci/manifest.ts";
import { type Image, openLayer } from "../../../oci/read/image.ts";

/** A layer, and the file that holds it where no registry does. */
export interface HeldLayer extends Descriptor {
  readonly diffId: string;
  readonly file?: string;
}

/** What a tar ends with. */
const END = 1024;

/** The layers of a product, and the stage of each as its history has it. */
export function layersByStage({
  layers,
  config,
}: Pick<Image, "layers" | "config">): [stage: string, layers: HeldLayer[]][] {
  const steps = (config.history ?? []).filter(({ empty_layer }) => !empty_layer);
  const groups: [string, HeldLayer[]][] = [];
  for (const [index, layer] of layers.entries()) {
    const stage = /^strata: (.+)$/.exec(steps[index]?.created_by ?? "")?.[1] ?? `#${index}`;
    const held = { ...layer, diffId: config.rootfs?.diff_ids[index] ?? "" };
    const last = groups.at(-1);
    if (last?.[0] === stage) last[1].push(held);
    else groups.push([stage, [held]]);
  }
  return groups;
}

/** One layer of several that only add, packed as the builder packs what says nothing. @param folder where its file goes */
export async function joinLayers(
  reference: string,
  layers: readonly HeldLayer[],
  folder: string,
): Promise<HeldLayer> {
  const file = join(folder, `${layers[0]?.digest.slice(7, 19)}.zst`);
  const unpacked = createHash("sha256");
  const packed = createHash("sha256");
  async function* members() {
    for (const layer of layers) yield* withoutEnd(openLayer(reference, layer));
    yield Buffer.alloc(END);
  }
  await pipeline(
    Readable.from(hashed(members(), unpacked)),
    createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
    (chunks: AsyncIterable<Buffer>) => hashed(chunks, packed),
    createWriteStream(file),
  );
  return {
    mediaType: layers[0]?.mediaType ?? "",
    digest: `sha256:${packed.digest("hex")}`,
    size: (await stat(file)).size,
    diffId: `sha256:${unpacked.digest("hex")}`,
    file,
  };
}

async function* hashed(chunks: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>) {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

/** A tar up to the empty blocks at its end, of which a builder writes two. */
async function* withoutEnd(chunks: AsyncIterable<Buffer>) {
  let kept = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const all = Buffer.concat([kept, chunk]);
    kept = all.subarray(Math.max(0, all.length - END));
    yield all.subarray(0, all.length - kept.length);
  }
  if (kept.some((byte) => byte !== 0)) throw new Error("a layer ends otherwise than a tar of a builder");
}
