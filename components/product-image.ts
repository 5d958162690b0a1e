import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { StageInputs } from "../lib/plan/key.ts";
import type { StageSummary } from "../lib/plan/partial-update.ts";
import type { Product } from "../lib/plan/plan.ts";
import { defaultCompression } from "../lib/registry/compression.ts";
import { stageTag } from "../lib/registry/tags.ts";
import { type BuildSettings, type BuiltStage, measured } from "./image-stage.ts";
import { step } from "./step.ts";

export interface ProductImageArgs {
  readonly product: Product;
  /** Its stages by name, in the order of their layers, the system's first; in the same repository. */
  readonly stages: Readonly<Record<string, pulumi.Input<string>>>;
  readonly settings: BuildSettings;
  /** What the stack's state says of it, by which previews tell what changes. */
  readonly registered: StageSummary;
}

/**
 * The product: a manifest that names the stages' own layers, and a configuration. No builder copies or compresses them
 * again, and no byte of them is sent. A change updates it, as what it was made of is in its inputs.
 */
export class ProductImage extends pulumi.ComponentResource implements BuiltStage {
  readonly digest: pulumi.Output<string>;
  readonly reference: pulumi.Output<string>;
  readonly key: string;
  readonly inputs: StageInputs;
  readonly compressedSize: pulumi.Output<number | undefined>;
  readonly nodes: { readonly command: local.Command };

  constructor(name: string, args: ProductImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:ProductImage", name, {}, options);
    const { product, stages, settings, registered } = args;
    const work = step(
      name,
      {
        step: "product-image",
        environment: {
          STRATA_TARGET: pulumi.interpolate`${settings.registry.repository}:${stageTag(product)}`,
          STRATA_PARTS: pulumi.jsonStringify(stages),
          STRATA_SETTINGS: JSON.stringify(product.settings),
          STRATA_COMPRESSION: JSON.stringify(product.compression ?? defaultCompression),
          STRATA_BUILDER: settings.builder,
        },
        triggers: [],
      },
      { parent: this },
    );

    this.nodes = { command: work };
    this.key = product.key;
    this.inputs = product.inputs;
    this.reference = work.stdout.apply((text) => text.trim());
    this.digest = this.reference.apply((reference) => reference.split("@")[1] ?? "");
    this.compressedSize = pulumi
      .all([this.reference, work.urn])
      .apply(([reference, urn]) => measured(settings.registry, reference, urn));
    this.registerOutputs({
      digest: this.digest,
      reference: this.reference,
      compressedSize: this.compressedSize,
      ...registered,
    });
  }
}
