import prettyBytes from "pretty-bytes";
import { BUNDLE_TYPES } from "../../lib/attestation/sigstore-bundle.ts";
import { IN_TOTO_TYPE, SPDX_TYPE } from "../../lib/attestation/statement.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { listReferrers } from "../../oci/read/referrers.ts";
import { formatReference, parseReference } from "../../oci/references.ts";
import { copyImage, copyReferrer } from "../../oci/write/copy.ts";
import { digestOfTag, tagManifest } from "../../oci/write/tag.ts";
import type { Sessions } from "../../oci/write/upload.ts";
import { note, withProgress } from "../program/progress.ts";
import { evidenceTypes, inRepository } from "./evidence-store.ts";
import { keepDigest } from "./keep-digest.ts";
import { repositoryOf } from "./promotion-history.ts";

/** What goes along: evidence, and what is stated of the product, signed and not. */
const attachedTypes = [evidenceTypes, SPDX_TYPE, IN_TOTO_TYPE, BUNDLE_TYPES];

/** Where an image goes. */
export interface CopyTarget {
  /** `host[:port]/path` */
  readonly repository: string;
  /** Its working tag. */
  readonly tag: string;
}

/**
 * Copies a product, or its image of models, with all evidence about it, and what is stated of it. What is there already is not
 * sent.
 *
 * @param reference `repository@sha256:…`
 * @returns the copy's reference, with the same digest
 */
export async function copyProduct(
  reference: string,
  target: CopyTarget,
  transport: Transport,
  sessions: Sessions,
): Promise<string> {
  const copy = await copyTagged(reference, target, transport, sessions);
  for (const type of attachedTypes) {
    const copied = new Set((await listReferrers(copy, type, transport)).map((each) => each.digest));
    for (const attached of await listReferrers(reference, type, transport)) {
      if (!copied.has(attached.digest))
        await copyReferrer(inRepository(reference, attached.digest), target.repository, transport);
      await keepDigest(inRepository(copy, attached.digest), transport);
    }
  }
  await keepDigest(copy, transport);
  return copy;
}

/** Copies an image and gives it its working tag there. */
async function copyTagged(
  reference: string,
  { repository, tag }: CopyTarget,
  transport: Transport,
  sessions: Sessions,
): Promise<string> {
  const count = { there: 0, mounted: 0, sent: 0 };
  let left = 0;
  let sent = 0;
  const copy = await withProgress(`Copying to ${repository}`, (say) =>
    copyImage(reference, repository, transport, {
      sessions,
      progress: {
        blobs: (all) => {
          left += all.reduce((sum, { size }) => sum + size, 0);
        },
        bytes: (bytes) => {
          sent += bytes;
          say(`${prettyBytes(sent)} sent, ${prettyBytes(Math.max(0, left - sent))} to go`);
        },
        blob: (blob, how) => {
          count[how]++;
          if (how !== "sent") left -= blob.size;
        },
      },
    }),
  );
  const working = formatReference({ ...repositoryOf(repository), tag });
  if ((await digestOfTag(working, transport)) !== parseReference(copy).digest)
    await tagManifest(copy, tag, transport);
  const { there, mounted } = count;
  note(
    `${copy}: ${count.sent} blobs sent (${prettyBytes(sent)}), ${mounted} mounted, ${there} there; the same digest`,
  );
  return copy;
}
