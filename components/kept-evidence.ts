import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { step } from "./step.ts";

/**
 * Gives all evidence that a repository has, and what it is about, a tag, once: what was stored before strata did so itself
 * would be removed with the rest that has none.
 */
export class KeptEvidence extends pulumi.ComponentResource {
  readonly nodes: { readonly command: local.Command };

  /** @param repository `host/path` */
  constructor(name: string, repository: pulumi.Input<string>, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:KeptEvidence", name, {}, options);
    const command = step(
      name,
      { step: "kept-evidence", environment: { STRATA_REPOSITORY: repository }, triggers: [repository] },
      { parent: this },
    );
    this.nodes = { command };
    this.registerOutputs({});
  }
}
