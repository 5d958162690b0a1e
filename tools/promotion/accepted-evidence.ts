import { UserError } from "../../errors.ts";
import { type Evidence, parseEvidence } from "../../lib/evidence/evidence.ts";
import { type EvidenceTerms, type Objection, objection } from "../../lib/evidence/evidence-terms.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { parseReference } from "../../oci/references.ts";
import { digestOfEvidence, forged } from "./evidence-store.ts";

/** Evidence that moves tags to the image `reference`. */
export interface AcceptedEvidence {
  readonly digest: string;
  readonly evidence: Evidence;
  /** The artifact in the registry. */
  readonly artifact: string;
}

/**
 * Evidence about exactly this image that is complete, passes, is young enough, comes from the right host and lies in the
 * registry as it is here.
 *
 * @param text the evidence as JSON
 * @throws UserError that says what is wrong; then every tag stays.
 */
export async function acceptEvidence(
  reference: string,
  text: string,
  terms: Omit<EvidenceTerms, "digest" | "now">,
  transport: Transport,
): Promise<AcceptedEvidence> {
  const { digest } = parseReference(reference);
  if (!digest) throw new UserError(reference, "has no digest.", "A tag is moved to a digest: name one.");
  const evidence = parseEvidence(text, "standard input");
  const refuse = ({ problem, remedy }: Objection) =>
    new UserError(reference, problem, `Tags stay. ${remedy}`);
  const objected = objection(evidence, { ...terms, digest, now: Date.now() });
  if (objected) throw refuse(objected);
  const artifact = await digestOfEvidence(evidence, reference, transport);
  const changed = await forged(evidence, reference, artifact, transport);
  if (changed) throw refuse(changed);
  return { digest, evidence, artifact };
}
