import { contentsOf, type StageContents, tellingPart, tellsContents } from "../../lib/bill/stage-contents.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { openLayer, readImage } from "../../oci/read/image.ts";
import { layerDocuments } from "../../oci/read/layer-documents.ts";

/** Each stream is mostly one thread's work. */
const LAYERS_AT_ONCE = 2;

/**
 * What the files of images say: packages of the distribution, wheels, licences. A layer is read once for a clone, as a
 * stream: nothing is unpacked to disk.
 *
 * @param references `repository@sha256:…` of stages, lower ones first
 * @param folder for what was read
 */
export async function readStageContents(
  references: readonly string[],
  folder: string,
  transport: Transport,
): Promise<StageContents> {
  const choice = { isWanted: tellsContents, part: tellingPart };
  const images = await inParallel(LAYERS_AT_ONCE, references, async (reference) => ({
    reference,
    image: await readImage(reference, transport),
  }));
  const layers = images.flatMap(({ reference, image }) =>
    image.layers.map((layer) => ({ reference, layer })),
  );
  const documents = await inParallel(LAYERS_AT_ONCE, layers, ({ reference, layer }) =>
    layerDocuments(folder, layer.digest, choice, () => openLayer(reference, layer, () => {}, transport)),
  );
  return contentsOf(documents);
}
