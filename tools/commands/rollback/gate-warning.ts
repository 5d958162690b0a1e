import { UserError } from "../../../errors.ts";
import { type Home, projectFolder } from "../../../home.ts";
import { gateTerms } from "../../../lib/vulnerabilities/gate-terms.ts";
import type { VulnerabilitiesSetting } from "../../../lib/vulnerabilities/vulnerability-gate.ts";
import type { Transport } from "../../../oci/access/transport.ts";
import { storedBill } from "../../attestation/stored-bill.ts";
import { openVulnerabilitySource } from "../../vulnerabilities/open-vulnerability-source.ts";
import { judgeByGate } from "../../vulnerabilities/pass-gate.ts";

/**
 * What the gate of promotions would say against an image. A rollback is not held up by it: it is what one does in need.
 *
 * @param reference `repository@sha256:…`
 * @returns undefined where there is no gate, and where it would let the image pass
 */
export async function gateWarning(
  home: Pick<Home, "vulnerabilities">,
  reference: string,
  setting: VulnerabilitiesSetting | undefined,
  transport: Transport,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const terms = gateTerms(setting, projectFolder);
  if (!terms) return undefined;
  try {
    const bill = await storedBill(reference, transport);
    // Nobody waits long for a word of warning.
    const source = await openVulnerabilitySource(home, terms.database, environment, { tries: 1 });
    await judgeByGate(reference, bill, source, terms);
    return undefined;
  } catch (error) {
    if (error instanceof UserError)
      return `no update would move a tag there: ${error.path} ${error.problem.trimEnd()}`;
    throw error;
  }
}
