/** Images and artifacts from one repository into another, byte for byte. */
import { UserError } from "../../errors.ts";
import type { Transport } from "../access/transport.ts";
import { type Descriptor, Index, Manifest } from "../manifest.ts";
import { readBlob } from "../read/blob.ts";
import { imageExists } from "../read/image.ts";
import { readManifest, type StoredManifest } from "../read/stored-manifest.ts";
import { formatReference, parseReference, type Reference } from "../references.ts";
import { putManifest, UNSAID } from "./put.ts";
import { putReferrer } from "./put-artifact.ts";
import { ensureBlob, type Sessions } from "./upload.ts";

/** Uploads are mostly waiting; more of them at once would share the same line. */
const BLOBS_AT_ONCE = 3;

export interface CopyOptions {
  readonly sessions?: Sessions;
  readonly progress?: CopyProgress;
}

/** Hears what a copy does. */
export interface CopyProgress {
  /** The blobs that the image consists of. */
  blobs(all: readonly Descriptor[]): void;
  /** Bytes that were sent since the last call. */
  bytes(count: number): void;
  blob(blob: Descriptor, how: "there" | "mounted" | "sent"): void;
}

/**
 * Copies an image, blobs first: a manifest is only stored when everything that it names is there, so a copy that ends in
 * the middle leaves nothing that could be pulled by half. What the target has is not sent.
 *
 * @param from `repository@sha256:…`
 * @param to a reference to the target's repository; its own tag and digest play no part
 * @returns the copy, `repository@sha256:…`
 * @throws UserError when a registry refuses or goes away.
 */
export async function copyImage(
  from: string,
  to: string,
  transport: Transport,
  options: CopyOptions = {},
): Promise<string> {
  const source = parseReference(from);
  const { registry, repository } = parseReference(to);
  const target = { registry, repository };
  const { digest } = source;
  if (!digest) throw new UserError(from, "has no digest.", "A copy is of a digest: name one.");
  const copy = formatReference({ ...target, digest });
  if (await imageExists(copy, transport, UNSAID)) return copy;
  const storedManifest = await readManifest(transport, source, digest);
  const members = Index.safeParse(storedManifest.document).data?.manifests ?? [];
  for (const member of members)
    await copyImage(formatReference({ ...source, digest: member.digest }), to, transport, options);
  await copyBlobs(source, target, storedManifest, transport, options);
  await putManifest(transport, target, digest, storedManifest);
  return copy;
}

/**
 * Copies an artifact that is about an image; the target lists it as such.
 *
 * @param from `repository@sha256:…`
 */
export async function copyReferrer(from: string, to: string, transport: Transport): Promise<string> {
  const source = parseReference(from);
  const { registry, repository } = parseReference(to);
  const target = { registry, repository };
  const storedManifest = await readManifest(transport, source, source.digest ?? "");
  await copyBlobs(source, target, storedManifest, transport, {});
  return await putReferrer(transport, target, storedManifest);
}

async function copyBlobs(
  source: Reference,
  target: Reference,
  storedManifest: StoredManifest,
  transport: Transport,
  { sessions, progress }: CopyOptions,
): Promise<void> {
  const manifest = Manifest.safeParse(storedManifest.document).data;
  if (!manifest) return;
  const blobs = [
    ...new Map([...manifest.layers, manifest.config].map((blob) => [blob.digest, blob])).values(),
  ];
  progress?.blobs(blobs);
  const mountFrom = source.registry === target.registry ? source.repository : undefined;
  const queue = blobs.values();
  const problems: unknown[] = [];
  const worker = async () => {
    for (const blob of queue) {
      if (problems.length > 0) return;
      try {
        const how = await ensureBlob(transport, target, blob, {
          read: (from) => readBlob(transport, source, blob, from),
          mountFrom,
          sessions,
          onBytes: (count) => progress?.bytes(count),
        });
        progress?.blob(blob, how);
      } catch (error) {
        problems.push(error);
      }
    }
  };
  // What is under way when one fails is finished: nothing goes on behind the back of an error.
  await Promise.all(Array.from({ length: BLOBS_AT_ONCE }, worker));
  if (problems.length > 0) throw problems[0];
}
