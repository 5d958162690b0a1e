/**
 * Artifacts about a digest, by the OCI distribution specification 1.1: registries that have the referrers API are asked
 * for them; in others, GHCR and distribution among them, clients keep a list under the tag `sha256-<digest>`.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { failure } from "../access/failure.ts";
import { Transport } from "../access/transport.ts";
import { digestOf } from "../blob-digest.ts";
import { type Descriptor, INDEX_TYPE, Index, MANIFEST_TYPES } from "../manifest.ts";
import { parseReference, type Reference } from "../references.ts";
import { isAbsentTag } from "./absent-tag.ts";
import { nextPage } from "./tag-list.ts";

/** As many as fetch follows. */
const MOST_REDIRECTS = 20;

const ReferrersIndex = Index.extend({ mediaType: z.literal(INDEX_TYPE) });

/**
 * The artifacts about a manifest, as their descriptors; annotations are those of the artifact.
 *
 * @param reference `repository@sha256:…`
 * @param artifactType a type, or what it begins with
 * @throws UserError when the registry does not answer or refuses.
 */
export async function listReferrers(
  reference: string,
  artifactType: string,
  transport = new Transport(),
): Promise<Descriptor[]> {
  const { target, digest } = withDigest(reference);
  const all =
    (await listByInterface(transport, target, digest)) ??
    (await listInTag(transport, target, digest)).manifests;
  return all.filter((descriptor) => descriptor.artifactType?.startsWith(artifactType));
}

/** undefined where the registry does not have the interface. */
async function listByInterface(
  transport: Transport,
  target: Reference,
  digest: string,
): Promise<Descriptor[] | undefined> {
  const descriptors: Descriptor[] = [];
  const first = `referrers/${digest}`;
  let path: string | undefined = first;
  let redirects = 0;
  while (path) {
    const headers = { accept: INDEX_TYPE };
    const answer = await transport.request(target, path, { headers, redirect: "manual" });
    if (answer.status >= 300 && answer.status < 400) {
      await answer.bytes();
      path = redirects++ < MOST_REDIRECTS ? ownPath(target, path, answer.headers) : undefined;
      if (path === undefined) return undefined;
      continue;
    }
    // 403 and 501 are also how an interface is not there; the list in the tag tells, or refuses too.
    if (answer.status === 401 || answer.status === 429 || (answer.status >= 500 && answer.status !== 501)) {
      throw await failure(target, answer, "list of what is attached");
    }
    const bytes = await answer.bytes();
    // Some answer 200 with a page for people, or 400 instead of 404.
    const index = answer.status === 200 ? parsed(bytes) : undefined;
    if (!index) return undefined;
    descriptors.push(...index.manifests);
    path = nextPage(answer.headers, first);
  }
  return descriptors;
}

/**
 * Where a registry leads within itself; undefined for another host, which keeps no lists: GHCR leads to GitHub's web pages,
 * which answer 404, or 429 to many (https://github.com/artifacthub/hub/issues/4785).
 */
function ownPath(target: Reference, path: string, headers: Headers): string | undefined {
  const own = new URL(path, `https://${target.registry}/v2/${target.repository}/`);
  const location = headers.get("location") ?? "";
  if (location === "" || !URL.canParse(location, own.href)) return undefined;
  const { host, pathname, search } = new URL(location, own);
  return host === own.host ? `${pathname}${search}` : undefined;
}

/** What is attached to a digest as clients write it down, and where. */
export interface TagList {
  readonly tag: string;
  readonly manifests: readonly Descriptor[];
  /** Digest of the list; undefined where there is none yet. */
  readonly digest: string | undefined;
}

/** The list that clients keep where the registry keeps none. */
export async function listInTag(transport: Transport, target: Reference, digest: string): Promise<TagList> {
  const tag = fallbackTag(digest);
  const bytes = await listUnder(transport, target, tag);
  // GitLab takes this tag for the digest and answers with the subject (oras-project/oras-go#1396). There the list gets a
  // tag that is none: others do not find it, and we do.
  if (bytes === undefined || digestOf(bytes) !== digest) return tagList(tag, bytes);
  const own = `${tag}.list`;
  return tagList(own, await listUnder(transport, target, own));
}

function tagList(tag: string, bytes: Buffer | undefined): TagList {
  if (bytes === undefined) return { tag, manifests: [], digest: undefined };
  return { tag, manifests: parsed(bytes)?.manifests ?? [], digest: digestOf(bytes) };
}

async function listUnder(transport: Transport, target: Reference, tag: string): Promise<Buffer | undefined> {
  const headers = { accept: MANIFEST_TYPES.join(", ") };
  const answer = await transport.request(target, `manifests/${tag}`, { headers });
  if (answer.status === 200) return await answer.bytes();
  const refused = await failure(target, answer, "list of what is attached");
  if (await isAbsentTag(transport, target, tag, answer.status)) return undefined;
  throw refused;
}

function parsed(bytes: Buffer): z.infer<typeof ReferrersIndex> | undefined {
  try {
    return ReferrersIndex.safeParse(JSON.parse(bytes.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema */
export function fallbackTag(digest: string): string {
  const [algorithm = "", encoded = ""] = digest.split(":");
  return `${algorithm}-${encoded.slice(0, 64)}`;
}

/** What is about a digest can only be asked for by it. */
export function withDigest(reference: string): { target: Reference; digest: string } {
  const { registry, repository, digest } = parseReference(reference);
  if (digest) return { target: { registry, repository }, digest };
  throw new UserError(reference, "has no digest.", "What is attached is about a digest: name one.");
}
