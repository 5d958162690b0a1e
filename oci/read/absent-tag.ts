import { randomUUID } from "node:crypto";
import { UserError } from "../../errors.ts";
import type { Transport } from "../access/transport.ts";
import { MANIFEST_TYPES } from "../manifest.ts";
import type { Reference } from "../references.ts";
import { UNSAID } from "../write/put.ts";
import { listTags } from "./tag-list.ts";

/**
 * Whether a tag that a registry does not give out is simply not there. Artifactory answers 403 for any tag that it lacks
 * (sigstore/cosign#2973), where others say 404. It is told from a tag that is there and forbidden by two questions: a tag that
 * nobody has made gets the same answer, and the list of tags, which this login reads, does not have it. Whoever cannot tell
 * says no: what is taken for absent is written anew, and a tag's history would be lost.
 *
 * @param status what the registry answered for the tag
 */
export async function isAbsentTag(
  transport: Transport,
  { registry, repository }: Reference,
  tag: string,
  status: number,
): Promise<boolean> {
  if (status === 404) return true;
  if (!UNSAID.includes(status)) return false;
  const target = { registry, repository };
  const nobodys = await transport.request(target, `manifests/none-${randomUUID()}`, {
    method: "HEAD",
    headers: { accept: MANIFEST_TYPES.join(", ") },
  });
  await nobodys.bytes();
  if (nobodys.status !== status) return false;
  const tags = await listTags(target, transport).catch((error: unknown) => {
    if (error instanceof UserError) return undefined;
    throw error;
  });
  return tags?.includes(tag) === false;
}
