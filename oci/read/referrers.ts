/**
 * Artifacts about a digest, by the OCI distribution specification 1.1: registries that have the referrers API are asked
 * for them; in others, GHCR and distribution among them, clients keep a list under the tag `sha256-<digest>`.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { failure } from "../access/failure.ts";
import { Transport } from "../access/transport.ts";
import { type Descriptor, INDEX_TYPE, Index, MANIFEST_TYPES, Manifest } from "../manifest.ts";
import { formatReference, parseReference, type Reference } from "../references.ts";
import { type Content, descriptorOf, digestOf, putManifest } from "../write/put.ts";
import { type Artifact, artifactManifest, putArtifactBlobs, subjectOf } from "../write/put-artifact.ts";
import { nextPage, readManifest } from "./image.ts";

const ReferrersIndex = Index.extend({ mediaType: z.literal(INDEX_TYPE) });

/** So often a list is written that somebody else writes at the same time. */
const ATTEMPTS = 5;

/**
 * Attaches an artifact to a manifest. The same artifact attached twice is one.
 *
 * @param reference what it is about, `repository@sha256:…`
 * @returns the digest of the artifact's manifest
 * @throws UserError when the registry refuses, or has no such image.
 */
export async function attachArtifact(
  reference: string,
  artifact: Omit<Artifact, "subject">,
  transport = new Transport(),
): Promise<string> {
  const { target, digest } = withDigest(reference);
  const subject = subjectOf(await readManifest(transport, target, digest));
  const whole = { ...artifact, subject };
  await putArtifactBlobs(transport, target, whole);
  return await putReferrer(transport, target, artifactManifest(whole));
}

/**
 * Stores the manifest of an artifact whose blobs are there, and makes sure that it is found by its subject.
 *
 * @returns its digest
 */
export async function putReferrer(
  transport: Transport,
  target: Reference,
  manifest: Content,
): Promise<string> {
  const { subject, artifactType, annotations, config } = Manifest.parse(
    JSON.parse(manifest.bytes.toString("utf8")),
  );
  const own = descriptorOf(manifest);
  const headers = await putManifest(transport, target, own.digest, manifest);
  // A registry with the referrers API says so here; any other leaves the list to us.
  if (!subject || headers.get("oci-subject")) return own.digest;
  const entry: Descriptor = {
    ...own,
    artifactType: artifactType ?? config.mediaType,
    ...(annotations && { annotations }),
  };
  const name = formatReference({ ...target, digest: subject.digest });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const listed = await listInTag(transport, target, subject.digest);
    if (listed.some(({ digest }) => digest === own.digest)) return own.digest;
    const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...listed, entry] };
    const bytes = Buffer.from(JSON.stringify(index));
    await putManifest(transport, target, fallbackTag(subject.digest), { mediaType: INDEX_TYPE, bytes });
    // Whoever wrote at the same moment may have written over it: the list is looked at again.
    if (attempt > 1) await sleep(50 * attempt * Math.random());
  }
  const listed = await listInTag(transport, target, subject.digest);
  if (listed.some(({ digest }) => digest === own.digest)) return own.digest;
  throw new UserError(
    name,
    "others keep changing the list of what is attached to it.",
    "Run the same command again.",
  );
}

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
    (await listByInterface(transport, target, digest)) ?? (await listInTag(transport, target, digest));
  return all.filter((descriptor) => descriptor.artifactType?.startsWith(artifactType));
}

/** undefined where the registry does not have the interface. */
async function listByInterface(
  transport: Transport,
  target: Reference,
  digest: string,
): Promise<Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  const first = `referrers/${digest}`;
  let path: string | undefined = first;
  while (path) {
    const answer = await transport.request(target, path, { headers: { accept: INDEX_TYPE } });
    if (answer.status === 401 || answer.status === 403 || answer.status >= 500 || answer.status === 429) {
      throw await failure(target, answer, "list of what is attached");
    }
    const bytes = await answer.bytes();
    // Some answer 200 with a page for people, or 400 instead of 404.
    const index = answer.status === 200 ? parsed(bytes) : undefined;
    if (!index) return undefined;
    found.push(...index.manifests);
    path = nextPage(answer.headers, first);
  }
  return found;
}

async function listInTag(transport: Transport, target: Reference, digest: string): Promise<Descriptor[]> {
  const headers = { accept: MANIFEST_TYPES.join(", ") };
  const answer = await transport.request(target, `manifests/${fallbackTag(digest)}`, { headers });
  if (answer.status === 404) {
    await answer.bytes();
    return [];
  }
  if (answer.status !== 200) throw await failure(target, answer, "list of what is attached");
  const bytes = await answer.bytes();
  // GitLab takes this tag for the digest and answers with the subject, whose parts are no referrers.
  if (digestOf(bytes) === digest) return [];
  return parsed(bytes)?.manifests ?? [];
}

function parsed(bytes: Buffer): z.infer<typeof ReferrersIndex> | undefined {
  try {
    return ReferrersIndex.safeParse(JSON.parse(bytes.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema */
function fallbackTag(digest: string): string {
  const [algorithm = "", encoded = ""] = digest.split(":");
  return `${algorithm}-${encoded.slice(0, 64)}`;
}

function withDigest(reference: string): { target: Reference; digest: string } {
  const { registry, repository, digest } = parseReference(reference);
  if (digest) return { target: { registry, repository }, digest };
  throw new UserError(reference, "has no digest.", "What is attached is about a digest: name one.");
}
