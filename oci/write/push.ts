/** Puts an image together in a registry from layers that are there already: only its description is sent. */

import { Transport } from "../access/transport.ts";
import { digestOf } from "../blob-digest.ts";
import { type Descriptor, MANIFEST_TYPE } from "../manifest.ts";
import { formatReference, parseReference, type Reference } from "../references.ts";
import { putBlob, putManifest } from "./put.ts";

const CONFIG = "application/vnd.oci.image.config.v1+json";

/**
 * Pushes a configuration and a manifest; the manifest gets no tag.
 *
 * @param beside any reference to the repository that holds the layers
 * @returns `repository@sha256:…`
 * @throws UserError when the registry refuses, for instance since it lacks a layer.
 */
export async function pushImage(
  beside: string,
  config: object,
  layers: readonly Descriptor[],
  transport = new Transport(),
): Promise<string> {
  const { registry, repository } = parseReference(beside);
  const target: Reference = { registry, repository };
  const bytes = Buffer.from(JSON.stringify(config));
  const blob = await putBlob(transport, target, { mediaType: CONFIG, bytes });
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config: blob, layers }),
  );
  const digest = digestOf(manifest);
  await putManifest(transport, target, digest, { mediaType: MANIFEST_TYPE, bytes: manifest });
  return formatReference({ ...target, digest });
}
