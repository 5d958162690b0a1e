import { UserError } from "../../errors.ts";
import { type PredicateName, predicateTypes } from "../../lib/attestation/statement.ts";
import { isPassBy } from "../../lib/attestation/test-result.ts";
import type { TrustSetting } from "../../lib/attestation/trust-setting.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { storedStatements } from "./stored-statements.ts";
import { trustedSigners } from "./trusted-signers.ts";

/** What a product has to have beside it for a tag to move there. */
export interface RequiredStatements {
  readonly trust: TrustSetting;
  /** The evidence that moves the tag, as an artifact: the signed test result has to be about this one. @default none is asked for */
  readonly evidence?: string;
}

/**
 * Makes sure that what `strata:trust` wants is beside an image, signed by a trusted key, and that the signed test result is
 * about the evidence that moves the tag.
 *
 * @param reference `repository@sha256:…`
 * @throws UserError that names everything that is missing; then every tag stays.
 */
export async function verifyStatements(
  reference: string,
  { trust, evidence }: RequiredStatements,
  transport: Transport,
): Promise<void> {
  const { verified, refused } = await storedStatements(reference, await trustedSigners(trust), transport);
  const wanted = trust.predicates.filter((name) => name !== "evidence" || evidence !== undefined);
  const missing = wanted.filter((name) => {
    const found = verified.filter(({ statement }) => statement.predicateType === predicateTypes[name]);
    return !found.some(
      ({ statement }) => name !== "evidence" || (evidence !== undefined && isPassBy(statement, evidence)),
    );
  });
  if (missing.length === 0) return;
  const others = refused.map(({ artifact, problem }) => `\n  ${artifact.split("@")[1]}: ${problem}`).join("");
  throw new UserError(
    reference,
    `has no ${missing.map((name) => words[name]).join(", no ")} signed by a ${trust.identities?.length ? "signer" : "key"} of strata:trust.${others && ` What is there:${others}`}`,
    "Tags stay. Set strata:sign to the key and run make up; else somebody else made this image, or changed what lies beside it.",
  );
}

const words: Readonly<Record<PredicateName, string>> = {
  sbom: "bill of materials",
  provenance: "provenance",
  evidence: "test result of this evidence",
};
