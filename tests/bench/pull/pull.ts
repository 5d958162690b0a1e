/**
 * How long engines take to fetch and unpack a product whose large stages come as several layers, beside the same product with
 * one layer for each stage.
 */

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { UserError } from "../../../errors.ts";
import { sharedTransport } from "../../../oci/access/transport.ts";
import { type Descriptor, MANIFEST_TYPE } from "../../../oci/manifest.ts";
import { readBlob } from "../../../oci/read/blob.ts";
import { type Image, readImage } from "../../../oci/read/image.ts";
import { parseReference } from "../../../oci/references.ts";
import { withProgress } from "../../../tools/program/progress.ts";
import { type HeldLayer, joinLayers, layersByStage } from "./one-layer-stages.ts";
import { openEngines, type PullingEngine } from "./pulling-engines.ts";
import { fileServed, type Served, serveImages } from "./slow-registry.ts";

interface Pulled {
  readonly engine: string;
  /** Seconds with a layer for each stage, and with several. */
  readonly one: number;
  readonly several: number;
  /** Layers that were fetched at the same time. */
  readonly sideBySide: number;
}

export const HELP = `Usage: npm run bench -- pull REFERENCE [--rate MB] [--runs N]

  REFERENCE  a product in any registry that strata can read
  --rate MB  what each connection gets a second, as registries on the net give each a part of a line (default: all it can)
  --runs N   how often each is pulled; the shortest time counts (default: 1)

Pulls it with Docker, containerd and podman, as far as they can be had here. Needs twice its unpacked size of disk.`;

export async function benchPull(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rate: { type: "string" }, runs: { type: "string", default: "1" } },
  });
  const [reference] = positionals;
  if (reference === undefined)
    throw new UserError("bench -- pull", "has no image.", "Name one: repository@sha256:…");
  const [rate, runs] = [values.rate ?? "Infinity", values.runs].map(Number);
  if (!(rate && rate > 0 && runs && runs > 0)) {
    throw new UserError(
      "bench -- pull",
      "--rate and --runs want numbers above 0.",
      "Write --rate 40 --runs 3.",
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "strata-pull-"));
  try {
    const image = await readImage(reference);
    const content = new Map<string, Served>();
    const groups = layersByStage(image);
    const joined = await withProgress("Joining the layers of each stage", async () => {
      const layers: HeldLayer[] = [];
      for (const [, own] of groups)
        layers.push(...(own.length > 1 ? [await joinLayers(reference, own, folder)] : own));
      return layers;
    });
    offer(
      content,
      reference,
      "several",
      image,
      groups.flatMap(([, own]) => own),
    );
    offer(content, reference, "one", image, joined);
    const rows = await compare(content, folder, rate, runs);
    process.stdout.write(`${table(rows, image.layers, joined)}\n`);
    return 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts an image of these layers among what is served. */
function offer(
  content: Map<string, Served>,
  reference: string,
  tag: string,
  image: Image,
  layers: readonly HeldLayer[],
) {
  const rootfs = { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) };
  const history = layers.map(() => ({ created_by: tag }));
  const config = document({ ...image.config, rootfs, history });
  const configType = "application/vnd.oci.image.config.v1+json";
  const manifest = document({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: configType, digest: config.digest, size: config.bytes.length },
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  });
  for (const { mediaType, digest, size, file } of layers) {
    content.set(
      digest,
      file
        ? fileServed(mediaType, size, file)
        : {
            mediaType,
            size,
            open: () => readBlob(sharedTransport(), parseReference(reference), { digest, size }),
          },
    );
  }
  content.set(config.digest, held(configType, config.bytes));
  for (const name of [tag, manifest.digest]) content.set(name, held(MANIFEST_TYPE, manifest.bytes));
}

function held(mediaType: string, bytes: Buffer): Served {
  async function* chunks() {
    yield bytes;
  }
  return { mediaType, size: bytes.length, open: chunks };
}

function document(value: unknown): { readonly bytes: Buffer; readonly digest: string } {
  const bytes = Buffer.from(JSON.stringify(value));
  return { bytes, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` };
}

async function compare(content: Map<string, Served>, folder: string, megabytes: number, runs: number) {
  const registry = await serveImages(content, megabytes * 1e6);
  const rows: Pulled[] = [];
  try {
    await using opened = await openEngines(folder);
    for (const engine of opened.engines) {
      {
        registry.most();
        const times = { one: [] as number[], several: [] as number[] };
        for (let run = 0; run < runs; run++) {
          for (const tag of ["one", "several"] as const) {
            times[tag].push(
              await withProgress(`${engine.name}: ${tag}`, () => pulled(engine, registry.address, tag)),
            );
          }
        }
        const [one, several] = [Math.min(...times.one), Math.min(...times.several)];
        rows.push({ engine: engine.name, one, several, sideBySide: registry.most() });
      }
    }
  } finally {
    await registry.stop();
  }
  return rows;
}

async function pulled(engine: PullingEngine, address: string, tag: string): Promise<number> {
  const began = performance.now();
  await engine.pull(`${address}/strata:${tag}`);
  const seconds = (performance.now() - began) / 1000;
  await engine.forget(`${address}/strata:${tag}`);
  return seconds;
}

function table(rows: readonly Pulled[], several: readonly Descriptor[], one: readonly Descriptor[]): string {
  const made = new Table({
    head: ["", `${one.length} layers`, `${several.length} layers`, "ratio", "at a time"],
    colAligns: ["left", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  for (const { engine, one: before, several: after, sideBySide } of rows) {
    made.push([
      engine,
      `${before.toFixed(1)} s`,
      `${after.toFixed(1)} s`,
      `${(before / after).toFixed(2)} ×`,
      sideBySide,
    ]);
  }
  return made.toString();
}
