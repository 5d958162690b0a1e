import type { Header } from "tar-stream";
import { extract } from "tar-stream";
import { openLayer, readImage } from "../../../oci/read/image.ts";

/** A member of a layer. */
export interface LayerFile {
  readonly type: Header["type"];
  readonly mode: number;
  /** `user:group` */
  readonly owner: string;
  readonly text: string;
}

/** What lies in a stage's one layer, by path without slashes around it. */
export async function layerFiles(reference: string): Promise<ReadonlyMap<string, LayerFile>> {
  const { layers } = await readImage(reference);
  const [layer] = layers;
  if (!layer || layers.length > 1) throw new Error(`${reference} has ${layers.length} layers, not one`);
  const members = extract();
  openLayer(reference, layer)
    .on("error", (error) => members.destroy(error))
    .pipe(members);
  const files = new Map<string, LayerFile>();
  for await (const member of members) {
    const chunks: Buffer[] = [];
    for await (const chunk of member) chunks.push(chunk as Buffer);
    const { name, type, mode = 0, uid, gid } = member.header;
    files.set(name.replace(/^\.?\/|\/$/g, ""), {
      type,
      mode,
      owner: `${uid}:${gid}`,
      text: Buffer.concat(chunks).toString(),
    });
  }
  return files;
}
