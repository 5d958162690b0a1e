/** Listings of layers, kept by digest: a layer never changes, so it is read once. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { z } from "zod";
import { LISTING_VERSION, Listing } from "../../lib/audit/audit-schema.ts";
import { listTar } from "./tar-listing.ts";

const Kept = z.strictObject({ version: z.literal(LISTING_VERSION), digest: z.string(), listing: Listing });

/** A layer's listing: the one that is kept, else the one of the tar that `open` gives, which is kept from then on. */
export async function listLayer(folder: string, digest: string, open: () => Readable): Promise<Listing> {
  const kept = await readListing(folder, digest);
  if (kept) return kept;
  const listing = await listTar(open());
  await keepFile(fileOf(folder, digest), JSON.stringify({ version: LISTING_VERSION, digest, listing }));
  return listing;
}

/** The listing kept for a layer; undefined when there is none, or none that this version understands. */
async function readListing(folder: string, digest: string): Promise<Listing | undefined> {
  try {
    const kept = Kept.safeParse(JSON.parse(await readFile(fileOf(folder, digest), "utf8")));
    return kept.success && kept.data.digest === digest ? kept.data.listing : undefined;
  } catch {
    // Absent, unreadable or cut off: the layer is read anew.
    return undefined;
  }
}

/** Writes a file that appears whole or not at all, also when two programs do so at once. */
export async function keepFile(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(unfinished, text);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

function fileOf(folder: string, digest: string): string {
  return join(folder, `${digest.replace(":", "-")}.json`);
}
