import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { TrustSetting } from "../lib/attestation/trust-setting.ts";
import type { GateTerms } from "../lib/vulnerabilities/gate-terms.ts";
import { step } from "./step.ts";

/** What evidence has to be to move a tag. */
export interface PromotionTerms {
  /** Hash of the checks that it has to be by. */
  readonly checks: pulumi.Input<string>;
  /** Days that it may be old. */
  readonly maxAgeDays: pulumi.Input<number>;
  /** Whether it has to come from a machine with a GPU. */
  readonly host: pulumi.Input<"any" | "gpu">;
}

export interface PromotionArgs {
  /** The product, `repository@sha256:…`. */
  readonly reference: pulumi.Input<string>;
  /** Tags that shall point at it. */
  readonly tags: pulumi.Input<readonly string[]>;
  /** What the smoke test found about exactly this digest; the tags stay where they are without a pass. */
  readonly evidence: pulumi.Input<string>;
  readonly terms: PromotionTerms;
  /** What else lies beside it by then; where that changes, copies get it too. @default nothing */
  readonly attached?: pulumi.Input<readonly string[]>;
  /** What has to be signed, and by whom. @default nothing */
  readonly trust?: TrustSetting | undefined;
  /** What may not be known against it. @default nothing is asked */
  readonly gate?: GateTerms | undefined;
}

/** Moves tags to a digest that was tested, by copying its manifest: the digest stays. */
export class Promotion extends pulumi.ComponentResource {
  /** `repository:tag` for each tag. */
  readonly tags: pulumi.Output<string[]>;
  readonly nodes: { readonly command: local.Command };

  constructor(name: string, args: PromotionArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:Promotion", name, {}, options);
    const environment = promotionEnvironment(args);
    const promote = step(
      name,
      {
        step: "promotion",
        environment,
        stdin: args.evidence,
        triggers: [environment.STRATA_REFERENCE, environment.STRATA_TAGS, ...attachedTriggers(environment)],
      },
      { parent: this },
    );
    this.nodes = { command: promote };
    this.tags = promote.stdout.apply(lines);
    this.registerOutputs({ tags: this.tags });
  }
}

/** What tools/steps/promotion.ts and tools/steps/product-copy.ts are told. */
export function promotionEnvironment({
  reference,
  tags,
  terms,
  attached,
  trust,
  gate,
}: Omit<PromotionArgs, "evidence">) {
  return {
    STRATA_REFERENCE: reference,
    STRATA_TAGS: pulumi.output(tags).apply((list) => list.join(" ")),
    ...(attached ? { STRATA_ATTACHED: pulumi.output(attached).apply((list) => list.join(" ")) } : {}),
    ...(trust ? { STRATA_TRUST: JSON.stringify(trust) } : {}),
    ...(gate ? { STRATA_GATE: JSON.stringify(gate) } : {}),
    STRATA_CHECKS: terms.checks,
    STRATA_MAX_AGE_DAYS: pulumi.interpolate`${terms.maxAgeDays}`,
    STRATA_EVIDENCE_HOST: terms.host,
  };
}

/** What has been attached since is to be copied, and all of it to be verified, by other keys too; another gate judges again. */
export function attachedTriggers({
  STRATA_ATTACHED: attached,
  STRATA_TRUST: trust,
  STRATA_GATE: gate,
}: ReturnType<typeof promotionEnvironment>): pulumi.Input<string>[] {
  return [attached, trust, gate].filter((each) => each !== undefined);
}

/** What a program printed, a line each. */
export function lines(text: string): string[] {
  return text ? text.trim().split("\n") : [];
}
