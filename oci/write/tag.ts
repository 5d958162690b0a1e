/** Where tags point, and moving them: by copying a manifest, so that no layer moves. */
import { UserError } from "../../errors.ts";
import { failure } from "../access/failure.ts";
import { Transport } from "../access/transport.ts";
import { digestOf } from "../blob-digest.ts";
import { MANIFEST_TYPES } from "../manifest.ts";
import { isAbsentTag } from "../read/absent-tag.ts";
import { parseJson, readManifest } from "../read/stored-manifest.ts";
import { formatReference, parseReference } from "../references.ts";
import { putManifest } from "./put.ts";

/**
 * The digest that a tag points at; undefined for a tag that is not there.
 *
 * @param reference `repository:tag`
 * @param onUnsaid hears how a registry says that it is not there, where that is not 404
 * @throws UserError when the registry does not answer, or refuses.
 */
export async function digestOfTag(
  reference: string,
  transport = new Transport(),
  onUnsaid: (status: number) => void = () => {},
): Promise<string | undefined> {
  const source = parseReference(reference);
  const { tag = "latest" } = source;
  const path = `manifests/${tag}`;
  const headers = { accept: MANIFEST_TYPES.join(", ") };
  const answer = await transport.request(source, path, { method: "HEAD", headers });
  await answer.bytes();
  if (answer.status === 404) return undefined;
  // An answer to HEAD has no body that would say why: GET has.
  const said = answer.headers.get("docker-content-digest");
  if (answer.status === 200 && said) return said;
  const fullAnswer = await transport.request(source, path, { headers });
  const { status } = fullAnswer;
  if (status !== 200) {
    const refused = await failure(source, fullAnswer, "tag");
    if (!(await isAbsentTag(transport, source, tag, status))) throw refused;
    if (status !== 404) onUnsaid(status);
    return undefined;
  }
  const bytes = await fullAnswer.bytes();
  // A proxy, or a web server that is no registry, answers anything with a page.
  if (isManifest(parseJson(bytes))) return digestOf(bytes);
  const problem = `registry ${source.registry} answered 200 for the tag, with something that is no manifest.`;
  throw new UserError(reference, problem, "Check that the host is a container registry.");
}

function isManifest(document: unknown): boolean {
  return typeof (document as { schemaVersion?: unknown } | null | undefined)?.schemaVersion === "number";
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
  const target = parseReference(reference);
  if (!target.digest)
    throw new UserError(reference, "has no digest.", "A tag is moved to a digest: name one.");
  const { registry, repository } = target;
  const manifest = await readManifest(transport, target, target.digest);
  await putManifest(transport, { registry, repository }, tag, manifest, "tag");
  return formatReference({ registry, repository, tag });
}
