/** Where tags point, and moving them: by copying a manifest, so that no layer moves. */
import { createHash } from "node:crypto";
import { UserError } from "../errors.ts";
import { formatReference, parseReference } from "../lib/references.ts";
import { readManifest } from "./client.ts";
import { failure } from "./failure.ts";
import { MANIFEST_TYPES } from "./manifest.ts";
import { Transport } from "./transport.ts";

/**
 * The digest that a tag points at; undefined for a tag that is not there.
 *
 * @param reference `repository:tag`
 * @throws UserError when the registry does not answer, or refuses.
 */
export async function digestOfTag(
  reference: string,
  transport = new Transport(),
): Promise<string | undefined> {
  const asked = parseReference(reference);
  const path = `manifests/${asked.tag}`;
  const headers = { accept: MANIFEST_TYPES.join(", ") };
  const answer = await transport.request(asked, path, { method: "HEAD", headers });
  await answer.bytes();
  if (answer.status === 404) return undefined;
  // An answer to HEAD has no body that would say why: GET has.
  const said = answer.headers.get("docker-content-digest");
  if (answer.status === 200 && said) return said;
  const whole = await transport.request(asked, path, { headers });
  if (whole.status === 404) return undefined;
  if (whole.status !== 200) throw await failure(asked, whole, "tag");
  return `sha256:${createHash("sha256")
    .update(await whole.bytes())
    .digest("hex")}`;
}

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
