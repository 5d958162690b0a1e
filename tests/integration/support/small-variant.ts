import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Compression } from "../../../lib/registry/compression.ts";

/** What a test changes about the small product beside files: the file `variant.json` in its layers' folder. */
export interface SmallVariant {
  readonly generation?: "cpu" | "ada";
  /** Build arguments by layer. */
  readonly args?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Pinned inputs by layer. */
  readonly pins?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Layers that one is built from beside those that it always is. */
  readonly parents?: Readonly<Record<string, readonly string[]>>;
  /** Version of the one Python package, which belongs to the layer c. */
  readonly packageVersion?: string;
  /** Layers above the system, in the order of the product. */
  readonly order?: readonly string[];
  /** The product's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How its layers are packed. */
  readonly compression?: Compression;
  /** The commit that its label names. */
  readonly revision?: string;
}

/** The variant that a test wrote; nothing special without one. */
export function readVariant(layersFolder: string): SmallVariant {
  const path = join(layersFolder, "variant.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
}
