import { type ImageFiles, tellsOwners } from "../../lib/bill/ownership.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { openLayer, readImage } from "../../oci/read/image.ts";
import { readDocuments } from "../../oci/read/layer-documents.ts";

const LAYERS_AT_ONCE = 2;

/** The files of an image as its layers have them, and those that say whose others are. Reads every layer. */
export async function readFiles(
  reference: string,
  transport: Transport,
  onBytes: (count: number) => void = () => {},
): Promise<ImageFiles> {
  const { layers } = await readImage(reference, transport);
  const paths = new Set<string>();
  const read = await inParallel(LAYERS_AT_ONCE, layers, (layer) =>
    readDocuments(openLayer(reference, layer, onBytes, transport), {
      isWanted: tellsOwners,
      part: (_, text) => text,
      onPath: (path) => paths.add(path),
    }),
  );
  // What a later layer says has gone is not there; strata's own stages take nothing away.
  for (const path of [...paths]) {
    const gone = /^(.*\/)?\.wh\.([^/]+)$/.exec(path);
    if (!gone) continue;
    paths.delete(path);
    paths.delete(`${gone[1] ?? ""}${gone[2]}`);
  }
  return {
    paths: [...paths],
    links: Object.assign({}, ...read.map(({ links }) => links)),
    records: Object.assign({}, ...read.map(({ files }) => files)),
  };
}
