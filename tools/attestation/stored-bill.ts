import { UserError } from "../../errors.ts";
import { SPDX_TYPE } from "../../lib/attestation/statement.ts";
import { type SpdxDocument, spdxText } from "../../lib/bill/spdx-document.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { readArtifact } from "../../oci/read/artifact.ts";
import { listReferrers } from "../../oci/read/referrers.ts";
import { inRepository } from "../promotion/evidence-store.ts";
import type { Document } from "./attach.ts";

/** When a bill was attached: registries list what lies beside an image in any order. */
const ATTACHED = "org.opencontainers.image.created";

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
  const last = await lastBill(reference, transport, among);
  if (!last) {
    throw new UserError(
      reference,
      "has no bill of materials beside it.",
      "An update of its stack by this version of strata attaches one: make up.",
    );
  }
  const { payload } = await readArtifact(last, transport);
  const document = parsed(payload);
  if (document?.spdxVersion === "SPDX-2.3") return document;
  throw new UserError(last, "is no SPDX 2.3 document.", "Remove what somebody attached.");
}

/**
 * A bill to attach; its reference where the last one is the same: what strata knows of an image may change without the image.
 */
export async function newBill(
  reference: string,
  document: SpdxDocument,
  transport: Transport,
): Promise<Document | string> {
  const text = spdxText(document);
  const last = await lastBill(reference, transport);
  // What cannot be read is somebody else's.
  const stored = last === undefined ? last : await readArtifact(last, transport).catch(() => undefined);
  if (last !== undefined && stored?.payload.toString("utf8") === text) return last;
  return { type: SPDX_TYPE, text, annotations: { [ATTACHED]: new Date().toISOString() } };
}

async function lastBill(
  reference: string,
  transport: Transport,
  among?: readonly string[],
): Promise<string | undefined> {
  const wanted = among?.map((artifact) => artifact.split("@")[1]);
  const listed = await listReferrers(reference, SPDX_TYPE, transport);
  const attachedAt = ({ annotations }: (typeof listed)[number]) =>
    Date.parse(annotations?.[ATTACHED] ?? "") || 0;
  const [last] = listed
    .filter(({ digest }) => wanted?.includes(digest) ?? true)
    .toSorted((a, b) => attachedAt(b) - attachedAt(a));
  return last && inRepository(reference, last.digest);
}

function parsed(payload: Buffer): SpdxDocument | undefined {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
}
