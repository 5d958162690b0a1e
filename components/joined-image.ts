import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { joinedImageTag } from "../lib/registry/tags.ts";
import { step } from "./step.ts";

export interface JoinedImageArgs {
  /** What its tag begins with; the digest follows. An image without any tag is easily removed. */
  readonly tag: string;
  /** Stages by name, in the order of their layers; in the same repository. */
  readonly stages: Readonly<Record<string, pulumi.Input<string>>>;
}

/** An image that names the layers of others, and nothing else. No builder copies or compresses them again: only a manifest is sent. */
export class JoinedImage extends pulumi.ComponentResource {
  /** `repository@sha256:…` */
  readonly reference: pulumi.Output<string>;
  /** `sha256:…` */
  readonly digest: pulumi.Output<string>;
  /** Its working tag. */
  readonly tag: pulumi.Output<string>;
  readonly nodes: { readonly command: local.Command };

  constructor(name: string, args: JoinedImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:JoinedImage", name, {}, options);
    const stages = pulumi.jsonStringify(args.stages);
    const join = step(
      name,
      {
        step: "joined-image",
        environment: { STRATA_PARTS: stages, STRATA_TAG: args.tag },
        triggers: [stages],
      },
      { parent: this },
    );
    this.nodes = { command: join };
    this.reference = join.stdout.apply((text) => text.trim());
    this.digest = this.reference.apply((reference) => reference.split("@")[1] ?? "");
    this.tag = this.digest.apply((digest) => joinedImageTag(args.tag, digest));
    this.registerOutputs({ reference: this.reference, digest: this.digest });
  }
}
