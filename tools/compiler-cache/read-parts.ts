import { type CachePart, liveParts, REPLACES_ANNOTATION } from "../../lib/builders/compiler-cache.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import { seriesOfTag } from "../../lib/registry/tags.ts";
import { readImage } from "../../oci/read/image.ts";
import { listTags } from "../../oci/read/tag-list.ts";
import { formatReference, parseReference } from "../../oci/references.ts";

/** A registry that is asked for everything at once refuses. */
const AT_ONCE = 4;

/** The parts of a series that lie in a repository and that no other one holds, the newest first. */
export async function readParts(repository: string, series: string): Promise<CachePart[]> {
  const target = parseReference(repository);
  const tags = (await listTags(target)).filter((tag) => seriesOfTag(tag) === series);
  const parts = await inParallel(AT_ONCE, tags, async (tag): Promise<CachePart[]> => {
    // One that was removed in this moment, or is damaged, is as good as none.
    const image = await readImage(formatReference({ ...target, tag })).catch(() => undefined);
    if (!image) return [];
    const { annotations = {} } = image.manifest;
    return [
      {
        digest: image.digest,
        bytes: image.layers.at(-1)?.size ?? 0,
        madeAt: annotations["org.opencontainers.image.created"] ?? "",
        replaces: annotations[REPLACES_ANNOTATION]?.split(" ").filter(Boolean) ?? [],
      },
    ];
  });
  return liveParts(parts.flat());
}
