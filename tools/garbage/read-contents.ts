import { UserError } from "../../errors.ts";
import { REPLACES_ANNOTATION } from "../../lib/builders/compiler-cache.ts";
import type { Contents, StoredItem } from "../../lib/garbage/contents.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { type Descriptor, Index, Manifest } from "../../oci/manifest.ts";
import { imageExists } from "../../oci/read/image.ts";
import { listReferrers } from "../../oci/read/referrers.ts";
import { readManifest } from "../../oci/read/stored-manifest.ts";
import { listTags } from "../../oci/read/tag-list.ts";
import { formatReference, type Reference } from "../../oci/references.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import type { StoredImages } from "./stored-images.ts";

/** A registry that is asked for everything at once refuses. */
const AT_ONCE = 8;

/**
 * Reads a repository whole: what has a tag, what the registry's own list knows beside it, and what is in these and about
 * these, as deep as it goes.
 *
 * @param inventory what the kind of registry can say that the protocol cannot
 */
export async function readContents(
  target: Reference,
  inventory: StoredImages,
  transport: Transport,
  say: (detail: string) => void = () => {},
): Promise<Contents> {
  const names = await listTags(target, transport);
  const digests = await inParallel(AT_ONCE, names, (tag) =>
    digestOfTag(formatReference({ ...target, tag }), transport),
  );
  // A tag may go while it is read.
  const tags = new Map(names.flatMap((tag, at) => (digests[at] ? [[tag, digests[at]] as const] : [])));
  const ages = await inventory.storedAt(target);
  const items = new Map<string, StoredItem>();
  const asked = new Set<string>();
  let open = [...new Set([...tags.values(), ...ages.keys()])];
  while (open.length > 0) {
    for (const digest of open) asked.add(digest);
    say(`${asked.size} items`);
    const found = await inParallel(AT_ONCE, open, async (digest) => {
      const item = await readItem(transport, target, digest, ages.get(digest));
      if (item) items.set(digest, item);
      return item ? [...item.children, ...(await about(transport, target, digest))] : [];
    });
    open = [...new Set(found.flat())].filter((digest) => !asked.has(digest));
  }
  return { tags, items };
}

/** undefined for what is not there: an index may name images of other platforms that nobody copied. */
async function readItem(
  transport: Transport,
  target: Reference,
  digest: string,
  storedAt: Date | undefined,
): Promise<StoredItem | undefined> {
  if (!(await imageExists({ ...target, digest }, transport))) return undefined;
  const { document, bytes } = await readManifest(transport, target, digest);
  const index = Index.safeParse(document).data;
  const manifest = index ? undefined : Manifest.safeParse(document).data;
  if (!index && !manifest)
    throw new UserError(
      formatReference({ ...target, digest }),
      "is neither an image nor an index, so what it needs cannot be told.",
      "Remove it by hand, or keep such things in another repository.",
    );
  const parts: readonly Descriptor[] = manifest ? [manifest.config, ...manifest.layers] : [];
  return {
    digest,
    bytes: bytes.length,
    blobs: new Map(parts.map((part) => [part.digest, part.size])),
    children: (index?.manifests ?? []).map((child) => child.digest),
    subject: (manifest ?? index)?.subject?.digest,
    replaces: manifest?.annotations?.[REPLACES_ANNOTATION]?.split(" ").filter(Boolean) ?? [],
    storedAt,
  };
}

async function about(transport: Transport, target: Reference, digest: string): Promise<string[]> {
  const listed = await listReferrers(formatReference({ ...target, digest }), "", transport);
  return listed.map((each) => each.digest);
}
