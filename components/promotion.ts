import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

export interface PromotionArgs {
  /** The product, `repository@sha256:…`. */
  readonly reference: pulumi.Input<string>;
  /** Tags that shall point at it. */
  readonly tags: pulumi.Input<readonly string[]>;
  /** What the smoke test found about exactly this digest; the tags stay where they are without a pass. */
  readonly evidence: pulumi.Input<string>;
}

/** Moves tags to a digest that was tested, by copying its manifest: the digest stays. */
export class Promotion extends pulumi.ComponentResource {
  /** `repository:tag` for each tag. */
  readonly tags: pulumi.Output<string[]>;
  readonly nodes: { readonly command: command.local.Command };

  constructor(name: string, args: PromotionArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:Promotion", name, {}, options);
    const tags = pulumi.output(args.tags).apply((list) => list.join(" "));
    const promote = new command.local.Command(
      name,
      {
        create: "node tools/promote.ts",
        environment: { STRATA_REFERENCE: args.reference, STRATA_TAGS: tags },
        stdin: args.evidence,
        triggers: [args.reference, tags],
        logging: command.types.enums.local.Logging.Stderr,
      },
      { parent: this },
    );
    this.nodes = { command: promote };
    this.tags = promote.stdout.apply((text) => (text ? text.trim().split("\n") : []));
    this.registerOutputs({ tags: this.tags });
  }
}
