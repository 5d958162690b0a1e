import { UserError } from "../../errors.ts";
import { type Evidence, parseEvidence } from "../../lib/evidence/evidence.ts";
import {
  type EvidenceTerms,
  type Objection,
  objection,
  outvoting,
  type RecordedPass,
} from "../../lib/evidence/evidence-terms.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { parseReference } from "../../oci/references.ts";
import { note } from "../program/progress.ts";
import { digestOfEvidence, forged, listAgain, storedEvidence } from "./evidence-store.ts";

/** Evidence that moves tags to the image `reference`. */
export interface AcceptedEvidence {
  readonly digest: string;
  readonly evidence: Evidence;
  /** The artifact in the registry. */
  readonly artifact: string;
}

/**
 * Evidence about exactly this image that is complete, passes, is young enough, comes from the right host, lies in the
 * registry as it is here, and that no newer test contradicts.
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
  if (await listAgain(reference, artifact, transport))
    note(`evidence: ${artifact} was lost from the list of what is attached, and is in it again`);
  const contradicted = await newerFailure(reference, evidence, transport);
  if (contradicted) throw refuse(contradicted);
  return { digest, evidence, artifact };
}

/**
 * The failure that outvotes a pass: a newer one by the same checks, stored here or by anybody else. What Pulumi kept of a
 * pass knows nothing of it.
 */
export async function newerFailure(
  reference: string,
  passed: RecordedPass,
  transport: Transport,
): Promise<Objection | undefined> {
  const newest = outvoting(await storedEvidence(reference, transport), passed, Date.now());
  if (!newest) return undefined;
  const { startedAt: failedAt, host: by } = newest.evidence;
  const where = by.name ? `${by.kind} ${by.name}` : by.kind;
  return {
    problem: `a newer test failed, on ${failedAt} (${where}, ${newest.digest}).`,
    remedy: "Mend the image, or test again: make up RETEST=1.",
  };
}
