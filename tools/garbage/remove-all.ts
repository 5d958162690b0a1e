import { UserError } from "../../errors.ts";
import type { Collection } from "../../lib/garbage/collection.ts";
import { note, withProgress } from "../program/progress.ts";
import type { Repository } from "./collect-repository.ts";
import type { StoredImages } from "./stored-images.ts";

/**
 * Removes what a collection says, one after the other: what is about others first. What a registry refuses is told, and the
 * rest goes on; a later run finds it again.
 *
 * @returns how many stay that should go
 */
export async function removeAll(
  { name, target }: Repository,
  inventory: StoredImages,
  { removed }: Collection,
): Promise<number> {
  let left = 0;
  await withProgress(`Removing from ${name}`, async (say) => {
    for (const [at, { item }] of removed.entries()) {
      say(`${at} of ${removed.length}`);
      try {
        await inventory.remove(target, item);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        left++;
        note(error.message);
      }
    }
  });
  return left;
}
