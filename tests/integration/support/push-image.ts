import type { Transport } from "../../../oci/access/transport.ts";
import { digestOf } from "../../../oci/blob-digest.ts";
import { MANIFEST_TYPE } from "../../../oci/manifest.ts";
import { putBlob, putManifest } from "../../../oci/write/put.ts";

/** Pushes an image of these layers, tar archives as they are. @returns its reference by digest */
export async function pushImage(
  repository: string,
  config: object,
  layers: readonly Buffer[],
  transport: Transport,
): Promise<string> {
  const [registry = "", ...path] = repository.split("/");
  const target = { registry, repository: path.join("/") };
  const document = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: await putBlob(transport, target, {
      mediaType: "application/vnd.oci.image.config.v1+json",
      bytes: Buffer.from(JSON.stringify(config)),
    }),
    layers: await Promise.all(
      layers.map((bytes) =>
        putBlob(transport, target, { mediaType: "application/vnd.oci.image.layer.v1.tar", bytes }),
      ),
    ),
  };
  const bytes = Buffer.from(JSON.stringify(document));
  await putManifest(transport, target, digestOf(bytes), { mediaType: MANIFEST_TYPE, bytes });
  return `${repository}@${digestOf(bytes)}`;
}
