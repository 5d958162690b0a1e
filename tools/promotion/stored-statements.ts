import { UserError } from "../../errors.ts";
import {
  BUNDLE_TYPES,
  type TrustedSigners,
  verifiedStatement,
} from "../../lib/attestation/sigstore-bundle.ts";
import { isAbout, type Statement } from "../../lib/attestation/statement.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { readArtifact } from "../../oci/read/artifact.ts";
import { listReferrers } from "../../oci/read/referrers.ts";
import { parseReference } from "../../oci/references.ts";
import { inRepository } from "./evidence-store.ts";

/** What is signed about an image, and what is not as it should be. */
export interface StoredStatements {
  readonly verified: readonly { readonly artifact: string; readonly statement: Statement }[];
  /** Bundles that are no statement about this image by one of the signers, each with why. */
  readonly refused: readonly { readonly artifact: string; readonly problem: string }[];
}

/**
 * Reads the signed statements that lie beside an image. One that is another's, changed or about another image counts for
 * nothing; it does not hide the others.
 *
 * @param reference `repository@sha256:…`
 */
export async function storedStatements(
  reference: string,
  signers: TrustedSigners,
  transport: Transport,
): Promise<StoredStatements> {
  const { digest = "" } = parseReference(reference);
  const verified: { artifact: string; statement: Statement }[] = [];
  const refused: { artifact: string; problem: string }[] = [];
  for (const listed of await listReferrers(reference, BUNDLE_TYPES, transport)) {
    const artifact = inRepository(reference, listed.digest);
    try {
      const { payload } = await readArtifact(artifact, transport);
      const statement = verifiedStatement(payload.toString("utf8"), signers, artifact);
      if (isAbout(statement, digest)) verified.push({ artifact, statement });
      else refused.push({ artifact, problem: "is signed, but about another image." });
    } catch (error) {
      refused.push({ artifact, problem: error instanceof UserError ? error.problem : String(error) });
    }
  }
  return { verified, refused };
}
