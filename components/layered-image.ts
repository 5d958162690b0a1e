import * as pulumi from "@pulumi/pulumi";
import { type StageSummary, summaryOf } from "../lib/plan/partial-update.ts";
import type { Plan, PlanEntry, Stage } from "../lib/plan/plan.ts";
import { libraryTag } from "../lib/registry/tags.ts";
import { BulkStage } from "./bulk-stage.ts";
import { type BuildSettings, type BuiltStage, ImageStage, type ImageStageArgs } from "./image-stage.ts";
import { JoinedImage } from "./joined-image.ts";
import { ProductImage } from "./product-image.ts";

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
  readonly summaries?: (stage: PlanEntry) => StageSummary;
}

/** By the names of their layers. */
export type Stages = Readonly<Record<string, BuiltStage & pulumi.Resource>>;

/** A product image: every stage of a plan, built in parallel as the graph allows, and what they make together. */
export class LayeredImage extends pulumi.ComponentResource {
  readonly product: ProductImage;
  readonly stages: Stages;
  readonly digest: pulumi.Output<string>;
  readonly reference: pulumi.Output<string>;
  /** Bytes in the registry; undefined in a preview of an image that is yet to be built. */
  readonly compressedSize: pulumi.Output<number | undefined>;
  /** The image of the bulk stages that the product does not hold; undefined where it holds them all. */
  readonly library: JoinedImage | undefined;

  constructor(name: string, args: LayeredImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:LayeredImage", name, {}, options);
    const { plan, settings, summaries = summaryOf } = args;
    const { parents } = plan.product;

    this.stages = buildStages(name, args, this);
    this.product = new ProductImage(
      name,
      {
        product: plan.product,
        stages: referencesOf(parents, this.stages),
        settings,
        registered: summaries(plan.product),
      },
      // Also after what only checks stages: nothing is put together of what does not fit.
      { parent: this, dependsOn: Object.values(this.stages) },
    );
    const beside = plan.stages.filter((stage) => stage.bulk && !parents.includes(stage.name));
    this.library =
      beside.length === 0
        ? undefined
        : new JoinedImage(
            `${name}-library`,
            {
              stages: referencesOf(
                beside.map((stage) => stage.name),
                this.stages,
              ),
              tag: libraryTag(plan.recipe),
            },
            { parent: this },
          );

    this.digest = this.product.digest;
    this.reference = this.product.reference;
    this.compressedSize = this.product.compressedSize;
    this.registerOutputs({
      digest: this.digest,
      reference: this.reference,
      compressedSize: this.compressedSize,
      library: this.library?.reference,
    });
  }
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

/** What a stage is built with; its Dockerfile can name `parents`, and the base where there are none or it wants both. */
function argsOf(
  stage: Stage,
  parents: readonly string[],
  { base, contexts, settings, summaries = summaryOf }: LayeredImageArgs,
  built: Stages,
): ImageStageArgs {
  const named = {
    ...(parents.length === 0 || stage.onBase ? { base } : {}),
    ...referencesOf(parents, built),
  };
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
