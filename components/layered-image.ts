import * as pulumi from "@pulumi/pulumi";
import type { Plan, Stage } from "../lib/plan.ts";
import { type BuildSettings, ImageStage } from "./image-stage.ts";

export interface LayeredImageArgs {
  readonly plan: Plan;
  /** Digest reference of the base image. */
  readonly base: pulumi.Input<string>;
  /** Folder of each stage's build context, by key. */
  readonly contexts: (stage: Stage) => string;
  readonly settings: BuildSettings;
}

/** A product image: every stage of a plan, built in parallel as the graph allows, and what they make together. */
export class LayeredImage extends pulumi.ComponentResource {
  readonly product: ImageStage;
  readonly stages: Readonly<Record<string, ImageStage>>;
  readonly digest: pulumi.Output<string>;
  readonly reference: pulumi.Output<string>;

  constructor(name: string, args: LayeredImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:LayeredImage", name, {}, options);
    const built: Record<string, ImageStage> = {};
    const build = (stage: Stage, after: readonly ImageStage[] = []): ImageStage =>
      new ImageStage(
        stage.role === "product" ? name : `${name}-${stage.name}`,
        {
          stage,
          context: args.contexts(stage),
          named:
            stage.parents.length === 0
              ? { base: args.base }
              : Object.fromEntries(stage.parents.map((parent) => [parent, referenceOf(built, parent)])),
          settings: args.settings,
        },
        { parent: this, dependsOn: [...after] },
      );

    for (const stage of args.plan.stages) built[stage.name] = build(stage);
    // Also after what only checks stages: nothing is put together of what does not fit.
    this.product = build(args.plan.product, Object.values(built));
    this.stages = built;
    this.digest = this.product.digest;
    this.reference = this.product.reference;
    this.registerOutputs({ digest: this.digest, reference: this.reference });
  }
}

function referenceOf(built: Readonly<Record<string, ImageStage>>, name: string): pulumi.Output<string> {
  const stage = built[name];
  if (!stage) throw new Error(`The plan puts "${name}" after a stage that needs it.`);
  return stage.reference;
}
