import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { TestDescription } from "../lib/hosts/description.ts";
import type { Host } from "./hosts/host.ts";
import { step } from "./step.ts";

export interface SmokeTestArgs {
  /** The product, `repository@sha256:…`: a new digest is tested, a known one is not tested again. */
  readonly reference: pulumi.Input<string>;
  readonly recipe: pulumi.Input<string>;
  readonly generation: pulumi.Input<string>;
  /** Hash of the checks: changed checks test again. */
  readonly checks: pulumi.Input<string>;
  /** Where to test, tried in this order while one says nothing about the image. */
  readonly hosts: readonly Host[];
  /** What the image is for, and what one test may take. */
  readonly limits: Omit<TestDescription, "hosts">;
  /** Name of the buildx builder, for the host kind `builder`. */
  readonly builder: pulumi.Input<string>;
}

/** Runs the smoke checks inside the product and keeps what they found. A failing check fails the update. */
export class SmokeTest extends pulumi.ComponentResource {
  /** Evidence about the digest, JSON by the schema in lib/evidence/evidence.ts. */
  readonly evidence: pulumi.Output<string>;
  readonly nodes: { readonly command: local.Command };

  constructor(name: string, args: SmokeTestArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:SmokeTest", name, {}, options);
    const { hosts, limits } = args;
    const description = { ...limits, hosts: hosts.map((host) => host.description) };
    const keys = hosts.map((host) => host.privateKey ?? null);
    const test = step(
      name,
      {
        step: "smoke-test",
        environment: {
          STRATA_REFERENCE: args.reference,
          STRATA_RECIPE: args.recipe,
          STRATA_GENERATION: args.generation,
          STRATA_CHECKS: args.checks,
          STRATA_BUILDER: args.builder,
          STRATA_TEST: pulumi.jsonStringify(description),
          ...(keys.some((key) => key !== null) ? { STRATA_KEYS: pulumi.jsonStringify(keys) } : {}),
        },
        triggers: [args.reference, args.checks],
      },
      { parent: this },
    );
    this.nodes = { command: test };
    // A command that got a key hides all that it says; evidence is for everybody, and has been redacted.
    this.evidence = pulumi.unsecret(test.stdout);
    this.registerOutputs({ evidence: this.evidence });
  }
}
