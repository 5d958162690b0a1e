/** The write side of an OCI registry: small blobs, manifests, and what they are called. */
import { UserError } from "../../errors.ts";
import { failure } from "../access/failure.ts";
import type { Answer } from "../access/silence.ts";
import type { Transport } from "../access/transport.ts";
import { type Content, descriptorOf, digestOf } from "../blob-digest.ts";
import type { Descriptor } from "../manifest.ts";
import { formatReference, type Reference } from "../references.ts";

/** 201 by the specification; others answer 202 or 204 to what they took (go-containerregistry, regclient). */
export const STORED = new Set([201, 202, 204]);

/**
 * What a registry answers where it does not say 404: 403 for what is not there (Artifactory, go-containerregistry#1691), 405
 * or 501 where it cannot be asked. Who goes on to write hears the truth then. 401 is a login that is wrong.
 */
export const UNSAID = [403, 404, 405, 501];

/** Whether the repository has a blob, as far as it says. */
export async function hasBlob(transport: Transport, target: Reference, digest: string): Promise<boolean> {
  const answer = await transport.request(target, `blobs/${digest}`, { method: "HEAD" });
  await answer.bytes();
  if (answer.status === 200) return true;
  if (UNSAID.includes(answer.status)) return false;
  throw await failure(target, answer, `blob ${digest}`);
}

/**
 * Asks for a place to send a blob to.
 *
 * @throws UserError that names the repository where it is not there: ECR cuts off a push to such a one
 * (aws/containers-roadmap#1970), and says so to a question.
 */
export async function askForUpload(transport: Transport, target: Reference, path: string): Promise<Answer> {
  try {
    return await transport.request(target, path, { method: "POST" });
  } catch (error) {
    const answer = await transport.request(target, "tags/list?n=1").catch(() => undefined);
    throw answer?.status === 404 ? await failure(target, answer, "upload") : error;
  }
}

/** Sends a small blob in one go; one that is there already is not sent. */
export async function putBlob(
  transport: Transport,
  target: Reference,
  content: Content,
): Promise<Descriptor> {
  const blob = descriptorOf(content);
  if (await hasBlob(transport, target, blob.digest)) return blob;
  const begun = await askForUpload(transport, target, "blobs/uploads/");
  if (begun.status !== 202) throw await failure(target, begun, "upload");
  await begun.bytes();
  const answer = await transport.request(target, uploadPath(target, begun, blob.digest), {
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    body: content.bytes,
  });
  if (!STORED.has(answer.status)) throw await failure(target, answer, "blob");
  await answer.bytes();
  return blob;
}

/**
 * Where an upload goes on, or with a digest where it ends. A registry behind a proxy may name itself wrongly: below `/v2/`
 * path and query are all that counts. Another host gets nothing, as with oras-go (oras-project/oras-go#1282).
 */
export function uploadPath(
  target: Reference,
  { headers, elsewhere }: Pick<Answer, "headers" | "elsewhere">,
  digest?: string,
): string {
  const { registry, repository } = target;
  const base = new URL(`https://${registry}/v2/${repository}/blobs/uploads/`);
  const location = headers.get("location") ?? "";
  const problem = (said: string, remedy: string) =>
    new UserError(formatReference({ registry, repository }), `registry ${registry} ${said}.`, remedy);
  if (location === "" || !URL.canParse(location, base.href))
    throw problem("does not say where to send an upload", "Check that the host is a container registry.");
  const upload = new URL(location, base);
  if (elsewhere !== undefined || (upload.host !== base.host && !upload.pathname.startsWith("/v2/"))) {
    throw problem(
      `wants its uploads sent to ${elsewhere ?? upload.host}`,
      "Nothing was sent there: set the registry's address to the host that takes them, or mend its own name.",
    );
  }
  if (digest !== undefined) upload.searchParams.set("digest", digest);
  return `${upload.pathname}${upload.search}`;
}

/** Where an upload goes on: where it was, unless the registry names another place. */
export function nextPath(target: Reference, answer: Answer, location: string): string {
  return answer.headers.has("location") ? uploadPath(target, answer) : location;
}

/**
 * Stores a manifest under a tag or its digest.
 *
 * @param what what it is to the user, for errors: `manifest`, `tag`
 * @returns the headers of the registry's answer
 * @throws UserError when the registry refuses, or stores something else.
 */
export async function putManifest(
  transport: Transport,
  target: Reference,
  name: string,
  { mediaType, bytes }: Content,
  what = "manifest",
): Promise<Headers> {
  const answer = await transport.request(target, `manifests/${name}`, {
    method: "PUT",
    headers: { "content-type": mediaType },
    body: bytes,
  });
  const { registry, repository } = target;
  const named = { registry, repository, ...(name.includes(":") ? { digest: name } : { tag: name }) };
  if (!STORED.has(answer.status)) throw await failure(named, answer, what);
  const stored = answer.headers.get("docker-content-digest");
  await answer.bytes();
  const digest = digestOf(bytes);
  if (stored && stored !== digest) {
    throw new UserError(
      formatReference(named),
      `the registry stored ${stored} instead of ${digest}.`,
      "It changes manifests: use one that keeps them.",
    );
  }
  return answer.headers;
}
