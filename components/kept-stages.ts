import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

export interface KeptStagesArgs {
  /** `host[:port]/path` */
  readonly repository: pulumi.Input<string>;
  /** The digests that are needed, by the tag that keeps each of them. */
  readonly digests: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>>;
}

/** Tags that keep the stages of a stack where old ones are removed: the next product is put together from them. */
export class KeptStages extends pulumi.ComponentResource {
  readonly nodes: { readonly command: command.local.Command };

  constructor(name: string, args: KeptStagesArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:KeptStages", name, {}, options);
    const digests = pulumi.jsonStringify(args.digests);
    const keep = new command.local.Command(
      name,
      {
        create: "node tools/keep.ts",
        environment: { STRATA_REPOSITORY: args.repository, STRATA_DIGESTS: digests },
        triggers: [args.repository, digests],
        logging: command.types.enums.local.Logging.Stderr,
      },
      { parent: this },
    );
    this.nodes = { command: keep };
    this.registerOutputs({});
  }
}
