import {
  IN_TOTO_TYPE,
  isAbout,
  parseStatement,
  predicateTypes,
  type Statement,
} from "../../lib/attestation/statement.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { readArtifact } from "../../oci/read/artifact.ts";
import { listReferrers } from "../../oci/read/referrers.ts";
import { parseReference } from "../../oci/references.ts";
import { inRepository } from "./evidence-store.ts";

/** Statements about an image as they lie beside it, signed by nobody; what is no statement about it counts for nothing. */
export async function plainStatements(reference: string, transport: Transport): Promise<Statement[]> {
  const { digest = "" } = parseReference(reference);
  const found: Statement[] = [];
  for (const listed of await listReferrers(reference, IN_TOTO_TYPE, transport)) {
    const artifact = inRepository(reference, listed.digest);
    const text = await readArtifact(artifact, transport).catch(() => undefined);
    const statement = text && readable(text.payload, artifact);
    if (statement && isAbout(statement, digest)) found.push(statement);
  }
  return found;
}

/** How an image was made, as it was stated last; undefined where nobody did. */
export async function storedProvenance(
  reference: string,
  transport: Transport,
): Promise<Statement | undefined> {
  const statements = await plainStatements(reference, transport);
  return statements.findLast(({ predicateType }) => predicateType === predicateTypes.provenance);
}

function readable(payload: Buffer, path: string): Statement | undefined {
  try {
    return parseStatement(payload.toString("utf8"), path);
  } catch {
    return undefined;
  }
}
