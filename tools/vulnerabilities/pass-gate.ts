import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import type { SpdxDocument } from "../../lib/bill/spdx-document.ts";
import { allowListNotes, sortByAllowList, today } from "../../lib/vulnerabilities/allow-list.ts";
import { type BilledPart, partsOfDocument } from "../../lib/vulnerabilities/bill-parts.ts";
import { type GateTerms, gateTermsSchema } from "../../lib/vulnerabilities/gate-terms.ts";
import { refusedByGate, stoppedBy } from "../../lib/vulnerabilities/vulnerability-gate.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { storedBill } from "../attestation/stored-bill.ts";
import { note } from "../program/progress.ts";
import { findVulnerabilities, packagesWithoutAnswer } from "./find-vulnerabilities.ts";
import { openVulnerabilitySource } from "./open-vulnerability-source.ts";
import type { VulnerabilitySource } from "./vulnerability-source.ts";

/**
 * Makes sure that nothing is known against a product which the gate in STRATA_GATE does not let pass. Where nobody can be
 * asked, nothing passes: a gate that is open when it cannot see is none.
 *
 * @param reference `repository@sha256:…`
 * @throws UserError; then every tag stays.
 */
export async function passGate(
  home: Pick<Home, "vulnerabilities">,
  reference: string,
  transport: Transport,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const { STRATA_GATE: gate, STRATA_ATTACHED: attached } = environment;
  if (!gate) return;
  const terms = gateTermsSchema.parse(JSON.parse(gate));
  // The one that this update attached: whoever may write there may attach another.
  const bill = await storedBill(reference, transport, attached?.split(" "));
  const source = await openVulnerabilitySource(home, terms.database, environment);
  await judgeByGate(reference, bill, source, terms);
}

/** The same of a bill. @throws UserError that names what does not pass */
export async function judgeByGate(
  reference: string,
  bill: SpdxDocument,
  source: VulnerabilitySource,
  terms: GateTerms,
): Promise<void> {
  const parts = partsOfDocument(bill);
  requireAnswers(reference, parts, source);
  const { found, asked, unanswered } = await findVulnerabilities(parts, source);
  const sorted = sortByAllowList(found, terms.allow, today());
  for (const line of allowListNotes(sorted)) note(`vulnerabilities: ${line}`);
  for (const [what, count] of Object.entries(unanswered)) {
    note(`vulnerabilities: ${source.name} has no answer for ${count} parts: ${what}`);
  }
  const stopped = stoppedBy(sorted.open, terms);
  if (stopped.length > 0) throw refusedByGate(reference, stopped, terms);
  note(
    `vulnerabilities: ${found.length} known in ${asked} parts, ${sorted.allowed.length} of them allowed; none is stopped by the gate (${terms.gate})`,
  );
}

function requireAnswers(reference: string, parts: readonly BilledPart[], source: VulnerabilitySource): void {
  const open = packagesWithoutAnswer(parts, source);
  if (open.length === 0) return;
  throw new UserError(
    reference,
    `has ${open.length} packages that ${source.name} has no answer for: ${[...new Set(open)].join("; ")}.`,
    "Tags stay. Fetch what is missing, or remove strata:vulnerabilities.database: then OSV's service is asked.",
  );
}
