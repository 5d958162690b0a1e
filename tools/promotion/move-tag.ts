import { UserError } from "../../errors.ts";
import { planTagMove, type TagRequest } from "../../lib/evidence/promotions.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { formatReference } from "../../oci/references.ts";
import { digestOfTag, tagManifest } from "../../oci/write/tag.ts";
import { note } from "../program/progress.ts";
import { readPromotions, recordEntries, repositoryOf } from "./promotion-history.ts";

/** What became of a tag. */
export interface TagMoveResult {
  /** `repository:tag` */
  readonly name: string;
  /** Whether it points at the digest now. */
  readonly there: boolean;
}

/**
 * Makes a tag point at a digest and writes it down; what is so already is not touched. The tag moves first: a run that
 * ends between the two is made good by the next one, and no history tells of what never was.
 *
 * @param reference `repository@sha256:…`
 */
export async function moveTag(
  reference: string,
  tag: string,
  wish: TagRequest,
  transport: Transport,
): Promise<TagMoveResult> {
  const name = formatReference({ ...repositoryOf(reference), tag });
  const history = await readPromotions(reference, tag, transport);
  const current = await digestOfTag(name, transport, (status) =>
    note(`${name} is not there yet: the registry answers ${status} for it, as for every tag that it lacks`),
  );
  const move = planTagMove(history, current, wish);
  if (move.elsewhere)
    note(`${name} was at ${move.elsewhere}: somebody moved it there without strata, which is written down`);
  if (move.held) {
    note(
      `${name} stays: it was rolled back from ${wish.digest}. To have it there: npm run rollback -- ${tag} ${wish.digest}`,
    );
    return { name, there: false };
  }
  if (move.moves) await tagManifest(reference, tag, transport);
  if (move.entries.length > 0) {
    await recordEntries(reference, history, move.entries, transport).catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(
        name,
        `is ${wish.digest} now, but that could not be written down: ${error.message}`,
        "Run the same command again.",
      );
    });
  }
  note(`${name} is ${wish.digest}${move.moves ? "" : ", as before"}`);
  return { name, there: true };
}
