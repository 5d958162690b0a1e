import { UserError } from "../../errors.ts";
import type { TrustSetting } from "../../lib/attestation/trust-setting.ts";
import { promotionOf } from "../../lib/evidence/promotions.ts";
import { promotionsTag } from "../../lib/registry/tags.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { imageExists } from "../../oci/read/image.ts";
import { listTags } from "../../oci/read/tag-list.ts";
import { inRepository } from "./evidence-store.ts";
import { moveTag } from "./move-tag.ts";
import { readPromotions } from "./promotion-history.ts";
import { evidenceLine } from "./promotion-listing.ts";
import { verifyStatements } from "./verify-statements.ts";

/** The tags of a repository that strata has moved. */
export async function promotedTags(repository: string, transport: Transport): Promise<string[]> {
  const prefix = promotionsTag("");
  const tags = await listTags(repository, transport);
  return tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));
}

/**
 * Moves a tag to a digest that it had before, in every repository; where it cannot be moved in one, it stays in all.
 * Today's checks and ages do not count: what passed then is known to have run, and somebody is in a hurry.
 *
 * @param digestStart the digest, or its beginning
 * @throws UserError when it was never promoted to this tag, is gone, or its evidence of then is.
 */
export async function rollBack(
  repositories: readonly string[],
  tag: string,
  digestStart: string,
  transport: Transport,
  trust?: TrustSetting,
): Promise<void> {
  const moves = await Promise.all(
    repositories.map(async (repository) => {
      const { digest, evidence } = promotionOf(await readPromotions(repository, tag, transport), digestStart);
      const reference = inRepository(repository, digest);
      if (!(await imageExists(reference, transport))) {
        throw new UserError(reference, "is not in the registry any more.", "Choose another digest.");
      }
      const line = evidence ? await evidenceLine(repository, evidence, digest, transport) : null;
      if (line?.verdict === "pass") {
        // Whose image it is counts in an emergency too.
        if (trust && evidence) await verifyStatements(reference, { trust, evidence }, transport);
        return { reference, digest, evidence };
      }
      throw new UserError(
        reference,
        "has no evidence that it passed, or what there was cannot be read any more.",
        "Tags stay. Choose another digest, or test this one with make up.",
      );
    }),
  );
  const at = new Date().toISOString();
  for (const { reference, digest, evidence } of moves) {
    await moveTag(reference, tag, { digest, at, kind: "rollback", evidence }, transport);
  }
}
