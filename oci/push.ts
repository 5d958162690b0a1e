/** Puts an image together in a registry from layers that are there already: only its description is sent. */
import { createHash } from "node:crypto";
import { formatReference, parseReference, type Reference } from "../lib/references.ts";
import { failure } from "./failure.ts";
import type { Descriptor } from "./manifest.ts";
import { Transport } from "./transport.ts";

const CONFIG = "application/vnd.oci.image.config.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

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
  const blob = { mediaType: CONFIG, digest: digestOf(bytes), size: bytes.length };
  await pushBlob(transport, target, blob.digest, bytes);
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: blob, layers }),
  );
  const digest = digestOf(manifest);
  const answer = await transport.request(target, `manifests/${digest}`, {
    method: "PUT",
    headers: { "content-type": MANIFEST },
    body: manifest,
  });
  if (answer.status !== 201) throw await failure(target, answer, "manifest");
  await answer.bytes();
  return formatReference({ ...target, digest });
}

async function pushBlob(
  transport: Transport,
  target: Reference,
  digest: string,
  bytes: Buffer,
): Promise<void> {
  const begun = await transport.request(target, "blobs/uploads/", { method: "POST" });
  if (begun.status !== 202) throw await failure(target, begun, "upload");
  await begun.bytes();
  // A registry behind a proxy may name itself wrongly: its path and query are all that counts.
  const upload = new URL(begun.headers.get("location") ?? "", "http://registry.invalid");
  upload.searchParams.set("digest", digest);
  const answer = await transport.request(target, `${upload.pathname}${upload.search}`, {
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    body: bytes,
  });
  if (answer.status !== 201) throw await failure(target, answer, "blob");
  await answer.bytes();
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
