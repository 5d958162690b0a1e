import type { Home } from "../../home.ts";
import { type RecordedImage, recordedImages } from "../../lib/state/recorded-images.ts";
import { Transport } from "../../oci/access/transport.ts";
import { imageExists } from "../../oci/read/image.ts";
import { note } from "../program/progress.ts";
import { readState } from "../stack/outputs.ts";
import type { Stack } from "../stack/stack.ts";

/**
 * What makes Pulumi build again what its state has and the registry does not: somebody cleaned the registry, which
 * clones share. Pulumi itself would not look. Where the product is gone, its tags and its evidence are as well.
 */
export async function lostImages(
  home: Home,
  stack: Stack,
  recipe: string,
  transport = new Transport({ attempts: 2 }),
): Promise<string[]> {
  const read = await readState(home, stack);
  if ("missing" in read) return [];
  const { images, product, movers } = recordedImages(read.state, recipe);
  // A registry that cannot be asked is the update's to tell of.
  const lost = await absentImages(images, (reference) => imageExists(reference, transport).catch(() => true));
  const urns = [...new Set(lost.map(({ urn }) => urn))];
  for (const urn of urns) note(`registry: ${urn.split("::").at(-1)} is not there any more; it is made again`);
  const again = lost.some(({ reference }) => reference === product) ? movers : [];
  return [...new Set([...urns, ...again])].flatMap((urn) => ["--replace", urn]);
}

/** Those of a state's images that are not there. */
export async function absentImages(
  images: readonly RecordedImage[],
  exists: (reference: string) => Promise<boolean>,
): Promise<readonly RecordedImage[]> {
  const isThere = await Promise.all(images.map(({ reference }) => exists(reference)));
  return images.filter((_, index) => !isThere[index]);
}
