import { inParallel } from "../../lib/in-parallel.ts";
import { promotionsTag } from "../../lib/registry/tags.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { imageExists } from "../../oci/read/image.ts";
import { listReferrers } from "../../oci/read/referrers.ts";
import { listTags } from "../../oci/read/tag-list.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import { evidenceTypes, inRepository } from "./evidence-store.ts";
import { keepDigest } from "./keep-digest.ts";
import { readPromotions } from "./promotion-history.ts";

const AT_ONCE = 8;

/**
 * Keeps what a repository has of evidence, and the images that it is about: of its products, and of everything that a tag has
 * pointed at. What is gone already is left out.
 *
 * @returns how many digests that are
 */
export async function keepAllEvidence(repository: string, transport: Transport): Promise<number> {
  const tags = await listTags(repository, transport);
  const products = await inParallel(
    AT_ONCE,
    tags.filter((tag) => tag.startsWith("product-")),
    async (tag) => (await digestOfTag(`${repository}:${tag}`, transport)) ?? [],
  );
  const promoted = tags
    .filter((tag) => tag.startsWith(promotionsTag("")))
    .map((tag) => tag.slice(promotionsTag("").length));
  const histories = await inParallel(AT_ONCE, promoted, (tag) => readPromotions(repository, tag, transport));
  // Where somebody else had moved a tag no rollback goes.
  const entries = histories.flatMap((history) => history.entries).filter(({ kind }) => kind !== "elsewhere");
  const images = [...new Set([...products.flat(), ...entries.map(({ digest }) => digest)])];
  const found = await inParallel(AT_ONCE, images, async (digest) => {
    const reference = inRepository(repository, digest);
    if (!(await imageExists(reference, transport))) return [];
    const evidence = await listReferrers(reference, evidenceTypes, transport);
    return evidence.length > 0 ? [digest, ...evidence.map((each) => each.digest)] : [];
  });
  const needed = new Set([
    ...found.flat(),
    ...entries.flatMap(({ digest, evidence }) => [digest, evidence ?? []].flat()),
  ]);
  const kept = await inParallel(AT_ONCE, [...needed], async (digest) => {
    const reference = inRepository(repository, digest);
    if (!(await imageExists(reference, transport))) return 0;
    await keepDigest(reference, transport);
    return 1;
  });
  return kept.reduce<number>((sum, each) => sum + each, 0);
}
