import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { keyName, signingKey } from "../lib/attestation/sigstore-bundle.ts";
import type { SignSetting, TrustSetting } from "../lib/attestation/trust-setting.ts";
import { lines } from "./promotion.ts";
import { step } from "./step.ts";

export interface AttestationArgs {
  /** The product, `repository@sha256:…`. */
  readonly reference: pulumi.Input<string>;
  /** Its stages, `repository@sha256:…`, by name. */
  readonly stages: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>>;
  /** File with what the plan knows of it, whose name changes with its content. */
  readonly bill: pulumi.Input<string>;
  /** What the smoke test found about exactly this digest. */
  readonly evidence: pulumi.Input<string>;
  /** The image of models that belongs to it. @default none */
  readonly library?: { readonly reference: pulumi.Input<string> } | undefined;
  /** Name of the buildx builder. */
  readonly builder: pulumi.Input<string>;
  /** What signs it. @default nothing */
  readonly sign?: SignSetting | undefined;
  /** By which signatures without a key are known again. */
  readonly trust?: TrustSetting | undefined;
}

/**
 * What is stated of a product, beside it in the registry: what it is made of, how it was made, and that it was tested. What
 * is there already stays as it is.
 */
export class Attestation extends pulumi.ComponentResource {
  /** Everything that was attached, `repository@sha256:…`. */
  readonly artifacts: pulumi.Output<string[]>;
  readonly nodes: { readonly command: local.Command };

  constructor(name: string, args: AttestationArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:Attestation", name, {}, options);
    const evidence = pulumi.output(args.evidence);
    const command = step(
      name,
      {
        step: "attestation",
        environment: {
          STRATA_REFERENCE: args.reference,
          STRATA_STAGES: pulumi.jsonStringify(args.stages),
          STRATA_BILL: args.bill,
          STRATA_BUILDER: args.builder,
          ...(args.library ? { STRATA_LIBRARY: args.library.reference } : {}),
          ...signEnvironment(args.sign, args.trust),
        },
        stdin: evidence,
        triggers: [
          args.reference,
          args.bill,
          evidence.apply(hashOf),
          ...(args.library ? [args.library.reference] : []),
          ...signTrigger(args.sign),
        ],
      },
      { parent: this },
    );
    this.nodes = { command };
    // A command that got a key hides all that it says; what it attached is for everybody.
    this.artifacts = pulumi.unsecret(command.stdout).apply(lines);
    this.registerOutputs({ artifacts: this.artifacts });
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function signEnvironment(
  sign: SignSetting | undefined,
  trust: TrustSetting | undefined,
): Record<string, pulumi.Input<string>> {
  if (!sign) return {};
  if (sign.kind === "key" && "key" in sign) return { STRATA_SIGN_KEY: pulumi.secret(sign.key) };
  const known = sign.kind === "keyless" && trust ? { STRATA_TRUST: JSON.stringify(trust) } : {};
  return { STRATA_SIGN: JSON.stringify(sign), ...known };
}

/** Another signer signs again. A key's name is the hash of its public half, which everybody may know. */
function signTrigger(sign: SignSetting | undefined): string[] {
  if (!sign) return [];
  if (sign.kind !== "key") return [JSON.stringify(sign)];
  const pem = "key" in sign ? sign.key : readFileSync(sign.file, "utf8");
  return [keyName(signingKey(pem, "strata:sign"))];
}
