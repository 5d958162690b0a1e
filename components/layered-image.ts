import * as pulumi from "@pulumi/pulumi";
import type { Plan, Stage } from "../lib/plan/plan.ts";
import { joinedTag } from "../lib/registry/tags.ts";
import { BulkStage } from "./bulk-stage.ts";
import { type BuildSettings, type BuiltStage, ImageStage, measured } from "./image-stage.ts";
import { JoinedImage } from "./joined-image.ts";

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
}

/** By these a preview finds what changes, and how large it is. */
export type StageSummary = Pick<ImageStage, "key" | "digest" | "inputs"> & {
  /** Tells the product from the others. */
  readonly role: Stage["role"];
  readonly bytes: ImageStage["compressedSize"];
};

/** A product image: every stage of a plan, built in parallel as the graph allows, and what they make together. */
export class LayeredImage extends pulumi.ComponentResource {
  /** All of the product that a build puts together; bulk stages are joined to it. */
  readonly product: ImageStage;
  readonly stages: Readonly<Record<string, BuiltStage>>;
  readonly digest: pulumi.Output<string>;
  readonly reference: pulumi.Output<string>;
  /** Bytes in the registry; undefined in a preview of an image that is yet to be built. */
  readonly compressedSize: pulumi.Output<number | undefined>;
  /** The image of the bulk stages that the product does not hold; undefined where it holds them all. */
  readonly library: JoinedImage | undefined;
  /** What a stack tells of each stage, the product under its recipe's name. */
  readonly summaries: Readonly<Record<string, StageSummary>>;

  constructor(name: string, args: LayeredImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:LayeredImage", name, {}, options);
    const { plan, base, contexts, settings, inTurn = true } = args;
    const built: Record<string, ImageStage | BulkStage> = {};
    const argsOf = (stage: Stage, parents: readonly string[]) => ({
      stage,
      context: contexts(stage),
      named:
        parents.length === 0
          ? { base }
          : Object.fromEntries(parents.map((parent) => [parent, referenceOf(built, parent)])),
      settings,
    });

    let before: BulkStage[] = [];
    for (const stage of plan.stages) {
      const stageArgs = argsOf(stage, stage.parents);
      const stageName = `${name}-${stage.name}`;
      if (stage.bulk) {
        const bulk = new BulkStage(stageName, stageArgs, { parent: this, dependsOn: before });
        if (inTurn) before = [bulk];
        built[stage.name] = bulk;
      } else built[stage.name] = new ImageStage(stageName, stageArgs, { parent: this });
    }
    const bulk = plan.stages.filter((stage) => stage.bulk).map((stage) => stage.name);
    const inProduct = plan.product.parents.filter((parent) => bulk.includes(parent));
    const copied = plan.product.parents.filter((parent) => !bulk.includes(parent));
    const beside = bulk.filter((stage) => !inProduct.includes(stage));
    // Also after what only checks stages: nothing is put together of what does not fit.
    this.product = new ImageStage(name, argsOf(plan.product, copied), {
      parent: this,
      dependsOn: Object.values(built),
    });
    const stagesOf = (names: readonly string[]) =>
      Object.fromEntries(names.map((stage) => [stage, referenceOf(built, stage)]));
    const whole =
      inProduct.length === 0
        ? this.product
        : new JoinedImage(
            `${name}-joined`,
            {
              base: this.product.reference,
              stages: stagesOf(inProduct),
              tag: joinedTag(plan.recipe, "joined"),
            },
            { parent: this },
          );
    this.library =
      beside.length === 0
        ? undefined
        : new JoinedImage(
            `${name}-library`,
            { stages: stagesOf(beside), tag: joinedTag(plan.recipe, "library") },
            { parent: this },
          );
    this.stages = built;
    this.digest = whole.digest;
    this.reference = whole.reference;
    this.compressedSize =
      whole instanceof ImageStage
        ? whole.compressedSize
        : whole.reference.apply((reference) => measured(settings.registry, reference));
    this.summaries = Object.fromEntries(
      [...plan.stages, plan.product].map(({ name, role }) => {
        const { key, digest, compressedSize, inputs } = built[name] ?? this.product;
        return [name, { role, key, digest, bytes: compressedSize, inputs }];
      }),
    );
    this.registerOutputs({
      digest: this.digest,
      reference: this.reference,
      compressedSize: this.compressedSize,
      library: this.library?.reference,
    });
  }
}

function referenceOf(built: Readonly<Record<string, BuiltStage>>, name: string): pulumi.Output<string> {
  const stage = built[name];
  if (!stage) throw new Error(`The plan puts "${name}" after a stage that needs it.`);
  return stage.reference;
}
