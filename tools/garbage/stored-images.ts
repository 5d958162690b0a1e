import { UserError } from "../../errors.ts";
import type { StoredItem } from "../../lib/garbage/contents.ts";
import { failure } from "../../oci/access/failure.ts";
import type { Transport } from "../../oci/access/transport.ts";
import type { Reference } from "../../oci/references.ts";

/** What a kind of registry can say and do about what it stores; the protocol for images knows tags alone, and no times. */
export interface StoredImages {
  /** When each manifest was stored, those without a tag too; empty where nobody can say. */
  readonly storedAt: (target: Reference) => Promise<ReadonlyMap<string, Date>>;
  /** Removes an item with its tags. @throws UserError where the registry refuses */
  readonly remove: (target: Reference, item: StoredItem) => Promise<void>;
}

/** Any registry: by the protocol's own interface. Many have it switched off, which they say. */
export function protocolInventory(transport: Transport): StoredImages {
  return {
    storedAt: async () => new Map(),
    remove: async (target, { digest }) => {
      const answer = await transport.request(target, `manifests/${digest}`, { method: "DELETE" });
      // 404: it is gone, or went with what it belonged to.
      if ((answer.status >= 200 && answer.status < 300) || answer.status === 404) {
        await answer.bytes();
        return;
      }
      if (answer.status !== 405) throw await failure({ ...target, digest }, answer, "removal");
      await answer.bytes();
      throw new UserError(
        `${target.registry}/${target.repository}@${digest}`,
        `registry ${target.registry} removes nothing by this interface (405).`,
        "Switch deletion on there (distribution: storage.delete.enabled), or remove it by the registry's own means.",
      );
    },
  };
}
