import * as pulumi from "@pulumi/pulumi";
import { type StageSummary, summaryOf } from "../lib/plan/partial-update.ts";
import type { Plan, Stage } from "../lib/plan/plan.ts";
import { joinedTag } from "../lib/registry/tags.ts";
import { BulkStage } from "./bulk-stage.ts";
import {
  type BuildSettings,
  type BuiltStage,
  ImageStage,
  type ImageStageArgs,
  measured,
} from "./image-stage.ts";
import { JoinedImage, type JoinedImageArgs } from "./joined-image.ts";

export interface LayeredImageArgs {
  readonly plan: Plan;
  /** Digest reference of the base image. */
  readonly base: pulumi.Input<string>;
  /** Folder of each stage's build context, by key. */
  readonly contexts: (stage: Stage) => string;
  readonly settings: BuildSettings;
  /**
   * Whether a bulk stage waits for the one before, so that the builder's disk holds one at a time. False for an update
   * of single stages: what it is not about cannot be waited for. @default true
   */
  readonly inTurn?: boolean;
  /** What each stage registers in the stack's state. @default what the plan says of it */
  readonly summaries?: (stage: Stage) => StageSummary;
}

/** By the names of their layers. */
export type Stages = Readonly<Record<string, BuiltStage & pulumi.Resource>>;

/** A product image: every stage of a plan, built in parallel as the graph allows, and what they make together. */
export class LayeredImage extends pulumi.ComponentResource {
  /** All of the product that a build puts together; bulk stages are joined to it. */
  readonly product: ImageStage;
  readonly stages: Stages;
  readonly digest: pulumi.Output<string>;
  readonly reference: pulumi.Output<string>;
  /** Bytes in the registry; undefined in a preview of an image that is yet to be built. */
  readonly compressedSize: pulumi.Output<number | undefined>;
  /** The image of the bulk stages that the product does not hold; undefined where it holds them all. */
  readonly library: JoinedImage | undefined;

  constructor(name: string, args: LayeredImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:LayeredImage", name, {}, options);
    const { plan, settings } = args;
    const { inProduct, beside } = bulkStages(plan);

    this.stages = buildStages(name, args, this);
    this.product = assemble(name, args, this.stages, this);
    const joined = join(
      `${name}-joined`,
      {
        base: this.product.reference,
        stages: referencesOf(inProduct, this.stages),
        tag: joinedTag(plan.recipe, "joined"),
      },
      this,
    );
    this.library = join(
      `${name}-library`,
      { stages: referencesOf(beside, this.stages), tag: joinedTag(plan.recipe, "library") },
      this,
    );

    const productImage = joined ?? this.product;
    this.digest = productImage.digest;
    this.reference = productImage.reference;
    this.compressedSize = joined
      ? pulumi
          .all([joined.reference, joined.nodes.command.urn])
          .apply(([reference, urn]) => measured(settings.registry, reference, urn))
      : this.product.compressedSize;
    this.registerOutputs({
      digest: this.digest,
      reference: this.reference,
      compressedSize: this.compressedSize,
      library: this.library?.reference,
    });
  }
}

/** Names of the bulk stages that the product holds, and of those that are an image of their own. */
function bulkStages({ stages, product }: Plan): { inProduct: string[]; beside: string[] } {
  const bulk = stages.filter((stage) => stage.bulk).map((stage) => stage.name);
  return {
    inProduct: product.parents.filter((parent) => bulk.includes(parent)),
    beside: bulk.filter((stage) => !product.parents.includes(stage)),
  };
}

/** Every stage after what it is built from. */
function buildStages(name: string, args: LayeredImageArgs, parent: pulumi.Resource): Stages {
  const built: Record<string, ImageStage | BulkStage> = {};
  let before: BulkStage[] = [];
  for (const stage of args.plan.stages) {
    const stageName = `${name}-${stage.name}`;
    const stageArgs = argsOf(stage, stage.parents, args, built);
    if (stage.bulk) {
      const bulk = new BulkStage(stageName, stageArgs, { parent, dependsOn: before });
      if (args.inTurn ?? true) before = [bulk];
      built[stage.name] = bulk;
    } else built[stage.name] = new ImageStage(stageName, stageArgs, { parent });
  }
  return built;
}

/** The product's image, of all that a build copies together. */
function assemble(name: string, args: LayeredImageArgs, stages: Stages, parent: pulumi.Resource): ImageStage {
  const { product } = args.plan;
  const { inProduct } = bulkStages(args.plan);
  const copied = product.parents.filter((stage) => !inProduct.includes(stage));
  // Also after what only checks stages: nothing is put together of what does not fit.
  const dependsOn = Object.values(stages);
  return new ImageStage(name, argsOf(product, copied, args, stages), { parent, dependsOn });
}

/** Bulk stages as an image, where there are any. */
function join(name: string, args: JoinedImageArgs, parent: pulumi.Resource): JoinedImage | undefined {
  return Object.keys(args.stages).length === 0 ? undefined : new JoinedImage(name, args, { parent });
}

/** What a stage is built with; its Dockerfile can name `parents`, or the base where there are none. */
function argsOf(
  stage: Stage,
  parents: readonly string[],
  { base, contexts, settings, summaries = summaryOf }: LayeredImageArgs,
  built: Stages,
): ImageStageArgs {
  const named = parents.length === 0 ? { base } : referencesOf(parents, built);
  return { stage, context: contexts(stage), named, settings, registered: summaries(stage) };
}

function referencesOf(names: readonly string[], built: Stages): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(
    names.map((name) => {
      const stage = built[name];
      if (!stage) throw new Error(`The plan puts "${name}" after a stage that needs it.`);
      return [name, stage.reference];
    }),
  );
}

/** The images of built stages, by name. */
export function referencesByName(stages: Stages): Record<string, pulumi.Output<string>> {
  return referencesOf(Object.keys(stages), stages);
}
