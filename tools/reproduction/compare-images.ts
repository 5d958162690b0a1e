import type { Readable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import { compareContents, compareMembers, type FileDifference } from "../../lib/reproduction/members.ts";
import type { LayerDifference, StageDifference } from "../../lib/reproduction/reproduction.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { compressionOf, type Descriptor, ImageConfig, Manifest } from "../../oci/manifest.ts";
import { openLayer, readImage } from "../../oci/read/image.ts";
import { unpackedTar } from "../../oci/read/unpacked-tar.ts";
import { contentOf, documentOf } from "../builder/build-records.ts";
import type { Buildctl } from "../services/build-histories.ts";
import { readMembers } from "./read-members.ts";

/** An image whose layers can be read, wherever it is. */
export interface OpenImage {
  readonly config: ImageConfig;
  readonly layers: readonly Descriptor[];
  readonly open: (layer: Descriptor) => Readable;
}

/** Contents of files that differ are looked at when they are no larger, and as many. */
const LARGEST = 4 * 2 ** 20;
const MOST_FILES = 50;

/** @param reference `repository@sha256:…` */
export async function publishedImage(reference: string, transport: Transport): Promise<OpenImage> {
  const { config, layers } = await readImage(reference, transport);
  return { config, layers, open: (layer) => openLayer(reference, layer, () => {}, transport) };
}

/** An image that a builder has made and not given away. */
export async function builtImage(buildctl: Buildctl, digest: string): Promise<OpenImage> {
  const manifest = Manifest.parse(await documentOf(buildctl, digest));
  return {
    config: ImageConfig.parse(await documentOf(buildctl, manifest.config.digest)),
    layers: manifest.layers,
    open: (layer) => unpackedTar(contentOf(buildctl, layer.digest), compressionOf(layer.mediaType) ?? "none"),
  };
}

/** What differs between two images of a stage. Layers that are one tar are not read. */
export async function compareImages(
  published: OpenImage,
  rebuilt: OpenImage,
): Promise<Omit<StageDifference, "versions">> {
  const layers: LayerDifference[] = [];
  for (let index = 0; index < Math.max(published.layers.length, rebuilt.layers.length); index++) {
    const [old, fresh] = [layerAt(published, index), layerAt(rebuilt, index)];
    if (old?.name.digest === fresh?.name.digest) continue;
    const repacked = old !== undefined && old.name.diffId !== "" && old.name.diffId === fresh?.name.diffId;
    const files = old && fresh && !repacked ? await compareLayers(old.open, fresh.open) : [];
    layers.push({
      number: index + 1,
      published: old?.name ?? null,
      rebuilt: fresh?.name ?? null,
      repacked,
      files,
    });
  }
  return { layers, configuration: differingFields(published.config, rebuilt.config) };
}

function layerAt({ config, layers, open }: OpenImage, index: number) {
  const layer = layers[index];
  const diffId = config.rootfs?.diff_ids[index] ?? "";
  return layer && { name: { digest: layer.digest, diffId }, open: () => open(layer) };
}

/** Twice through both: first what differs, then a look into the small ones of these. */
async function compareLayers(old: () => Readable, fresh: () => Readable): Promise<FileDifference[]> {
  const [was, is] = await Promise.all([readMembers(old()), readMembers(fresh())]);
  const differences = compareMembers(was, is);
  const other = differences.filter(({ aspects }) => aspects.includes("bytes")).slice(0, MOST_FILES);
  if (other.length === 0) return differences;
  const wanted = new Set(other.map(({ path }) => path));
  const [before, after] = await Promise.all([contents(old(), wanted), contents(fresh(), wanted)]);
  return differences.map((difference) => {
    const [a, b] = [before.get(difference.path), after.get(difference.path)];
    if (!a || !b) return difference;
    const { aspects, detail } = compareContents(a, b);
    const rest = difference.aspects.filter((aspect) => aspect !== "bytes");
    return {
      ...difference,
      aspects: [...aspects, ...rest],
      detail: [detail, difference.detail].filter(Boolean).join("; "),
    };
  });
}

async function contents(tar: Readable, wanted: ReadonlySet<string>): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  await readMembers(tar, (path, size) =>
    wanted.has(path) && size <= LARGEST ? (bytes) => found.set(path, bytes) : undefined,
  );
  return found;
}

/** Fields of the configuration; which layers it names is told by these. */
function differingFields(published: ImageConfig, rebuilt: ImageConfig): string[] {
  const flat = ({ rootfs: _, config, ...rest }: ImageConfig) => ({
    ...rest,
    ...Object.fromEntries(Object.entries(config ?? {}).map(([name, value]) => [`config.${name}`, value])),
  });
  const [was, is]: Record<string, unknown>[] = [flat(published), flat(rebuilt)];
  const names = new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})]);
  return [...names].filter((name) => !isDeepStrictEqual(was?.[name], is?.[name])).sort();
}
