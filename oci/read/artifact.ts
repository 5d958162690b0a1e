import { UserError } from "../../errors.ts";
import type { Transport } from "../access/transport.ts";
import { type Descriptor, Manifest } from "../manifest.ts";
import { formatReference, parseReference } from "../references.ts";
import { readBlob } from "./blob.ts";
import { readManifest } from "./stored-manifest.ts";

/** An artifact as the registry has it; payload and manifest match their digests. */
export interface StoredArtifact {
  readonly digest: string;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly subject: Descriptor | undefined;
  readonly payload: Buffer;
}

/** Documents that may be read whole. */
const LARGEST = 16 * 2 ** 20;

/**
 * Reads an artifact by its digest, or by a tag.
 *
 * @throws UserError when it is not there, or is no artifact with one small document.
 */
export async function readArtifact(reference: string, transport: Transport): Promise<StoredArtifact> {
  const source = parseReference(reference);
  const storedManifest = await readManifest(transport, source, source.digest ?? source.tag ?? "latest");
  const manifest = Manifest.safeParse(storedManifest.document).data;
  const [layer, ...more] = manifest?.layers ?? [];
  if (!manifest || !layer || more.length > 0 || layer.size > LARGEST) {
    throw new UserError(formatReference(source), "is no artifact with one document.", "Name another one.");
  }
  const chunks: Buffer[] = [];
  for await (const chunk of readBlob(transport, source, layer)) chunks.push(chunk);
  return {
    digest: storedManifest.digest,
    artifactType: manifest.artifactType,
    annotations: manifest.annotations ?? {},
    subject: manifest.subject,
    payload: Buffer.concat(chunks),
  };
}
