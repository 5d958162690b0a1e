import { kindOf } from "../../lib/registry/limits.ts";
import { keepDigestTag } from "../../lib/registry/tags.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { formatReference, parseReference } from "../../oci/references.ts";
import { digestOfTag, tagManifest } from "../../oci/write/tag.ts";

/**
 * Gives a digest a tag of its own where what has none is removed by its age (lib/registry/ecr-lifecycle.ts): an image that
 * was tested, whose other tags may move on, and the evidence about it, which has none. A rollback needs both.
 *
 * @param reference `repository@sha256:…`
 */
export async function keepDigest(reference: string, transport: Transport): Promise<void> {
  const { registry, repository, digest } = parseReference(reference);
  if (!digest || kindOf(registry) !== "ecr") return;
  const tag = keepDigestTag(digest);
  if ((await digestOfTag(formatReference({ registry, repository, tag }), transport)) === digest) return;
  await tagManifest(reference, tag, transport);
}
