import { UserError } from "../../errors.ts";
import { SPDX_TYPE } from "../../lib/attestation/statement.ts";
import type { SpdxDocument } from "../../lib/bill/spdx-document.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { readArtifact } from "../../oci/read/artifact.ts";
import { listReferrers } from "../../oci/read/referrers.ts";
import { inRepository } from "../promotion/evidence-store.ts";

/**
 * The bill of materials that lies beside an image: of several the one that was attached last.
 *
 * @param reference `repository@sha256:…`
 * @param among artifacts that it has to be one of, `…@sha256:…`. @default any
 * @throws UserError where there is none.
 */
export async function storedBill(
  reference: string,
  transport: Transport,
  among?: readonly string[],
): Promise<SpdxDocument> {
  const wanted = among?.map((artifact) => artifact.split("@")[1]);
  const listed = await listReferrers(reference, SPDX_TYPE, transport);
  const last = listed.filter(({ digest }) => wanted?.includes(digest) ?? true).at(-1);
  if (!last) {
    throw new UserError(
      reference,
      "has no bill of materials beside it.",
      "An update of its stack by this version of strata attaches one: make up.",
    );
  }
  const { payload } = await readArtifact(inRepository(reference, last.digest), transport);
  const document = parsed(payload);
  if (document?.spdxVersion === "SPDX-2.3") return document;
  throw new UserError(
    inRepository(reference, last.digest),
    "is no SPDX 2.3 document.",
    "Remove what somebody attached.",
  );
}

function parsed(payload: Buffer): SpdxDocument | undefined {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
}
