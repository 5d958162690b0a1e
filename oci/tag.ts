/** The write side of an OCI registry, as far as promotion needs it. */
import { UserError } from "../errors.ts";
import { formatReference, parseReference } from "../lib/references.ts";
import { readManifest } from "./client.ts";
import { failure } from "./failure.ts";
import { Transport } from "./transport.ts";

/**
 * Makes `tag` point at a manifest that is in the registry already. The manifest is sent back byte for byte, so the
 * digest stays and no layer moves.
 *
 * @param reference `repository@sha256:…`
 * @returns `repository:tag`
 * @throws UserError when the registry refuses, or answers with another digest.
 */
export async function tagManifest(
  reference: string,
  tag: string,
  transport = new Transport(),
): Promise<string> {
  const asked = parseReference(reference);
  if (!asked.digest)
    throw new UserError(reference, "has no digest.", "A tag is moved to a digest: name one.");
  const { bytes, digest, mediaType } = await readManifest(transport, asked, asked.digest);
  const answer = await transport.request(asked, `manifests/${tag}`, {
    method: "PUT",
    headers: { "content-type": mediaType },
    body: bytes,
  });
  if (answer.status !== 201) throw await failure(asked, answer, "tag");
  const stored = answer.headers.get("docker-content-digest");
  await answer.bytes();
  const { registry, repository } = asked;
  const tagged = formatReference({ registry, repository, tag });
  if (stored && stored !== digest) {
    throw new UserError(
      tagged,
      `the registry stored ${stored} instead of ${digest}.`,
      "It changes manifests.",
    );
  }
  return tagged;
}
