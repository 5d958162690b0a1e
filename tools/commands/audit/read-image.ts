/** Reads an image from its registry and audits it. */

import type { Readable } from "node:stream";
import type { Listing } from "../../../lib/audit/audit-schema.ts";
import { type AuditReport, audit } from "../../../lib/audit/findings.ts";
import type { Transport } from "../../../oci/access/transport.ts";
import type { Descriptor } from "../../../oci/manifest.ts";
import { type Image, openLayer, readImage } from "../../../oci/read/image.ts";
import { listLayer } from "../../../oci/read/listing-cache.ts";

/** Each stream is mostly one thread's work; more at once would only make all of them slower. */
const LAYERS_AT_ONCE = 2;

export interface AuditImageOptions {
  /** Folder for the listings of layers. */
  readonly cache: string;
  readonly systemLayers?: number;
  readonly budgetBytes?: number;
  readonly hostPaths?: readonly string[];
  readonly progress?: AuditProgress;
  readonly transport?: Transport;
}

/** Hears what the audit does. Layers are numbered from 1. */
export interface AuditProgress {
  image(image: Image): void;
  /** Compressed bytes that arrived since the last call. */
  bytes(count: number): void;
  layer(number: number, layer: Descriptor, outcome: "kept" | "read"): void;
}

/**
 * @throws UserError when the image cannot be read; see `readImage` and `audit`.
 */
export async function auditImage(reference: string, options: AuditImageOptions): Promise<AuditReport> {
  const { progress, transport } = options;
  const image = await readImage(reference, transport);
  progress?.image(image);
  const open = new Set<Readable>();
  const listings = await mapLimited(image.layers, LAYERS_AT_ONCE, async (layer, index): Promise<Listing> => {
    let outcome: "kept" | "read" = "kept";
    const listing = await listLayer(options.cache, layer.digest, () => {
      outcome = "read";
      const tar = openLayer(reference, layer, (count) => progress?.bytes(count), transport);
      open.add(tar);
      return tar;
    });
    progress?.layer(index + 1, layer, outcome);
    return listing;
  }).catch((error: unknown) => {
    // The other layer may have gigabytes to go, and nobody wants them any more.
    for (const tar of open) tar.destroy(new Error("another layer failed"));
    throw error;
  });
  return audit({
    reference,
    digest: image.digest,
    bytes: image.bytes,
    config: image.config,
    layers: image.layers.map((layer, index) => {
      const stage = layer.annotations?.["strata.stage"];
      const entries = listings[index]?.entries ?? [];
      return { digest: layer.digest, bytes: layer.size, entries, ...(stage !== undefined && { stage }) };
    }),
    ...(options.systemLayers !== undefined && { systemLayers: options.systemLayers }),
    ...(options.budgetBytes !== undefined && { budgetBytes: options.budgetBytes }),
    ...(options.hostPaths !== undefined && { hostPaths: options.hostPaths }),
  });
}

/** Results in the items' order. After a failure no further item is begun. */
async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let failed = false;
  const worker = async () => {
    for (const [index, item] of queue) {
      if (failed) return;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
