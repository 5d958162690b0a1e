import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { keepTag } from "../lib/registry/tags.ts";
import type { Registry } from "./registry/registry.ts";
import { step } from "./step.ts";

/** Keeps a stack's stages in its registry, if that removes old ones. */
export function keepStages(
  name: string,
  { removesOldStages, repository }: Registry,
  stages: KeptStagesArgs["stages"],
): KeptStages | undefined {
  if (!removesOldStages) return undefined;
  return new KeptStages(name, { repository, stack: pulumi.getStack(), stages });
}

export interface KeptStagesArgs {
  /** `host[:port]/path` */
  readonly repository: pulumi.Input<string>;
  /** Whose stages they are. */
  readonly stack: string;
  readonly stages: Readonly<Record<string, { readonly digest: pulumi.Input<string> }>>;
}

/** Tags that keep the stages of a stack where old ones are removed: the next product is put together from them. */
export class KeptStages extends pulumi.ComponentResource {
  readonly nodes: { readonly command: local.Command };

  constructor(name: string, args: KeptStagesArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:KeptStages", name, {}, options);
    const { stack, stages } = args;
    const tags = Object.entries(stages).map(([stage, { digest }]) => [keepTag(stack, stage), digest]);
    const digests = pulumi.jsonStringify(Object.fromEntries(tags));
    const keep = step(
      name,
      {
        step: "kept-stages",
        environment: { STRATA_REPOSITORY: args.repository, STRATA_DIGESTS: digests },
        triggers: [args.repository, digests],
      },
      { parent: this },
    );
    this.nodes = { command: keep };
    this.registerOutputs({});
  }
}
