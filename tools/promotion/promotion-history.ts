import { canonicalJson } from "../../lib/canonical-json.ts";
import { type Promotions, parsePromotions, promotionsType } from "../../lib/evidence/promotions.ts";
import { promotionsTag } from "../../lib/registry/tags.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { readArtifact } from "../../oci/read/artifact.ts";
import { formatReference, parseReference, type Reference } from "../../oci/references.ts";
import { putManifest } from "../../oci/write/put.ts";
import { artifactManifest, putArtifactBlobs } from "../../oci/write/put-artifact.ts";
import { digestOfTag } from "../../oci/write/tag.ts";

/** The repository of a reference. */
export function repositoryOf(reference: string): Reference {
  const { registry, repository } = parseReference(reference);
  return { registry, repository };
}

/** Where `tag` has pointed in the repository of `reference`; empty for a tag that strata never moved. */
export async function readPromotions(
  reference: string,
  tag: string,
  transport: Transport,
): Promise<Promotions> {
  const stored = formatReference({ ...repositoryOf(reference), tag: promotionsTag(tag) });
  if ((await digestOfTag(stored, transport)) === undefined) return { schema: 1, tag, entries: [] };
  const { payload } = await readArtifact(stored, transport);
  return parsePromotions(payload.toString("utf8"), stored);
}

/** Stores a history whole, under a tag of its own: registries that remove what has no tag leave it alone. */
export async function writePromotions(
  reference: string,
  promotions: Promotions,
  transport: Transport,
): Promise<void> {
  const target = repositoryOf(reference);
  const artifact = {
    artifactType: promotionsType,
    payload: { mediaType: promotionsType, bytes: Buffer.from(canonicalJson(promotions)) },
    annotations: { "org.opencontainers.image.created": promotions.entries.at(-1)?.at ?? "" },
  };
  await putArtifactBlobs(transport, target, artifact);
  const name = promotionsTag(promotions.tag);
  await putManifest(transport, target, name, artifactManifest(artifact), "history of promotions");
}
