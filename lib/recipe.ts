import type { Layer, LayerContext } from "./layer.ts";

/** A product image as data: its layers in the order of the product's layers, and how it runs. */
export interface Recipe {
  readonly name: string;
  readonly summary: string;
  /** The one `system` layer first, then the stages from the one that changes least to the one that changes most. */
  readonly layers: readonly Layer[];
  /** Layers that only builds use. */
  readonly buildLayers: readonly Layer[];
  /** Licences of what is inside, as an SPDX expression. */
  readonly licences: string;
  /** Most bytes the product may have in the registry, `3.3 GB`; the audit holds it to this. */
  readonly sizeBudget: string;
  readonly runtime: (context: LayerContext) => ImageRuntime;
}

/** The part of an OCI image configuration that a recipe decides. */
export interface ImageRuntime {
  readonly user: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
  readonly entrypoint: readonly string[];
  readonly healthcheck: { readonly command: readonly string[]; readonly startPeriodSeconds: number };
}
