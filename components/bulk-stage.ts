import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { StageInputs } from "../lib/plan/key.ts";
import { stageTag } from "../lib/registry/tags.ts";
import { type BuiltStage, builderName, type ImageStageArgs, measured } from "./image-stage.ts";
import { step } from "./step.ts";

/**
 * A bulk stage: large files that are verified by their hashes, as a layer in the registry.
 *
 * It is built by `tools/steps/bulk-stage.ts` and not by the docker-build provider, which would fetch everything again when the
 * tools that fetch it change, and cannot free the builder's disk afterwards; that program asks the registry first.
 * Tokens for downloads come from the environment of the run, so they are in no input and no state.
 */
export class BulkStage extends pulumi.ComponentResource implements BuiltStage {
  readonly digest: pulumi.Output<string>;
  readonly reference: pulumi.Output<string>;
  readonly key: string;
  readonly inputs: StageInputs;
  readonly compressedSize: pulumi.Output<number | undefined>;
  readonly nodes: { readonly command: local.Command };

  constructor(name: string, args: ImageStageArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:BulkStage", name, {}, options);
    const { stage, context, named, settings, registered } = args;
    const target = pulumi.interpolate`${settings.registry.repository}:${stageTag(stage)}`;
    const build = step(
      name,
      {
        step: "bulk-stage",
        environment: {
          STRATA_STAGE: stage.name,
          STRATA_TARGET: target,
          STRATA_CONTEXT: context,
          STRATA_IMAGES: pulumi.jsonStringify(named),
          STRATA_ARGUMENTS: JSON.stringify(stage.args),
          STRATA_BUILDER: builderName(stage, settings),
        },
        ...(settings.certificates === undefined ? {} : { stdin: pulumi.secret(settings.certificates) }),
        triggers: [target],
      },
      { parent: this },
    );

    this.nodes = { command: build };
    this.key = stage.key;
    this.inputs = stage.inputs;
    // A command's output is secret when an input is, and the certificates are.
    this.reference = pulumi.unsecret(build.stdout).apply((text) => text.trim());
    this.digest = this.reference.apply((reference) => reference.split("@")[1] ?? "");
    this.compressedSize = pulumi
      .all([this.reference, build.urn])
      .apply(([reference, urn]) => measured(settings.registry, reference, urn));
    this.registerOutputs({
      digest: this.digest,
      reference: this.reference,
      compressedSize: this.compressedSize,
      ...registered,
    });
  }
}
