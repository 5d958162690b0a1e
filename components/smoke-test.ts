import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

export interface SmokeTestArgs {
  /** The product, `repository@sha256:…`: a new digest is tested, a known one is not tested again. */
  readonly reference: pulumi.Input<string>;
  readonly recipe: pulumi.Input<string>;
  readonly generation: pulumi.Input<string>;
  /** Hash of the checks: changed checks test again. */
  readonly checks: pulumi.Input<string>;
  /** Name of the buildx builder, for the host kind `builder`. */
  readonly builder: pulumi.Input<string>;
}

/** Runs the smoke checks inside the product and keeps what they found. A failing check fails the update. */
export class SmokeTest extends pulumi.ComponentResource {
  /** Evidence about the digest, JSON by the schema in lib/evidence.ts. */
  readonly evidence: pulumi.Output<string>;
  readonly nodes: { readonly command: command.local.Command };

  constructor(name: string, args: SmokeTestArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:SmokeTest", name, {}, options);
    const test = new command.local.Command(
      name,
      {
        create: "node tools/smoke.ts",
        environment: {
          STRATA_REFERENCE: args.reference,
          STRATA_RECIPE: args.recipe,
          STRATA_GENERATION: args.generation,
          STRATA_CHECKS: args.checks,
          STRATA_BUILDER: args.builder,
        },
        triggers: [args.reference, args.checks],
        // The checks' own lines go to stderr and are shown; stdout is the evidence.
        logging: command.types.enums.local.Logging.Stderr,
      },
      { parent: this },
    );
    this.nodes = { command: test };
    this.evidence = test.stdout;
    this.registerOutputs({ evidence: this.evidence });
  }
}
