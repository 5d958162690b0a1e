import { UserError } from "../../errors.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";
import {
  hasEntries,
  mergeEntries,
  type PromotionEntry,
  type Promotions,
  parsePromotions,
  promotionsType,
} from "../../lib/evidence/promotions.ts";
import { promotionsTag } from "../../lib/registry/tags.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { readArtifact } from "../../oci/read/artifact.ts";
import { formatReference, parseReference, type Reference } from "../../oci/references.ts";
import { putManifest } from "../../oci/write/put.ts";
import { artifactManifest, putArtifactBlobs } from "../../oci/write/put-artifact.ts";
import { addToShared } from "../../oci/write/shared-document.ts";
import { digestOfTag } from "../../oci/write/tag.ts";

/** The repository of a reference. */
export function repositoryOf(reference: string): Reference {
  const { registry, repository } = parseReference(reference);
  return { registry, repository };
}

/** A history, and the digest of the artifact that it lies in; undefined where there is none yet. */
interface StoredPromotions {
  readonly digest: string | undefined;
  readonly promotions: Promotions;
}

/** Where `tag` has pointed in the repository of `reference`; empty for a tag that strata never moved. */
export async function readPromotions(
  reference: string,
  tag: string,
  transport: Transport,
): Promise<Promotions> {
  return (await readStored(reference, tag, transport)).promotions;
}

async function readStored(reference: string, tag: string, transport: Transport): Promise<StoredPromotions> {
  const stored = formatReference({ ...repositoryOf(reference), tag: promotionsTag(tag) });
  if ((await digestOfTag(stored, transport)) === undefined)
    return { digest: undefined, promotions: { schema: 1, tag, entries: [] } };
  const { digest, payload } = await readArtifact(stored, transport);
  return { digest, promotions: parsePromotions(payload.toString("utf8"), stored) };
}

/**
 * Writes down what became of a tag since `base` was read. Two runs that move it at the same moment are both in its history
 * then, the one that had it last at the end.
 *
 * @throws UserError when the registry refuses, or others keep writing over it.
 */
export async function recordEntries(
  reference: string,
  base: Promotions,
  entries: readonly PromotionEntry[],
  transport: Transport,
): Promise<void> {
  const name = formatReference({ ...repositoryOf(reference), tag: base.tag });
  const isKept = await addToShared<StoredPromotions & { current: string | undefined }>({
    read: async () => ({
      ...(await readStored(reference, base.tag, transport)),
      current: await digestOfTag(name, transport),
    }),
    has: ({ promotions, current }) => hasEntries(promotions, base, entries, current),
    write: ({ promotions, current }) =>
      writePromotions(reference, mergeEntries(promotions, base, entries, current), transport),
    settle: (took) => transport.settle(took),
    stagger: (writes) => transport.stagger(writes),
  });
  if (isKept) return;
  throw new UserError(name, "others keep changing its history.", "Run the same command again.");
}

/** Stores a history whole, under a tag of its own: registries that remove what has no tag leave it alone. */
async function writePromotions(
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
