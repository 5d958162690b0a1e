/** A blob as a stream whose digest and size are checked, and which goes on where a broken connection left it. */
import { createHash } from "node:crypto";
import { UserError } from "../../errors.ts";
import { isPassing, unreachable } from "../access/connection-errors.ts";
import { failure } from "../access/failure.ts";
import type { Answer } from "../access/silence.ts";
import type { Transport } from "../access/transport.ts";
import { formatReference, type Reference } from "../references.ts";

/**
 * Reads a blob. The last chunk is held back until the digest is known to be right, so whoever reads to the end has
 * read the true bytes, and whoever parses on the way meets the error before the end.
 *
 * @param from first byte; anything but 0 leaves it to the reader to compare the digest
 * @throws UserError when the blob is absent, shorter, longer or other than its descriptor says.
 */
export async function* readBlob(
  transport: Transport,
  reference: Reference,
  blob: { readonly digest: string; readonly size: number },
  from = 0,
): AsyncGenerator<Buffer> {
  const hash = createHash(blob.digest.startsWith("sha512:") ? "sha512" : "sha256");
  let read = from;
  let heldBack: Buffer | undefined;
  for (let attempt = 1; ; attempt++) {
    const headers: Record<string, string> = read > 0 ? { range: `bytes=${read}-` } : {};
    const answer = await transport.request(reference, `blobs/${blob.digest}`, { headers });
    if (answer.status !== 200 && answer.status !== 206)
      throw await failure(reference, answer, `blob ${blob.digest}`);
    const before = read;
    try {
      for await (const chunk of skip(answer, read)) {
        hash.update(chunk);
        read += chunk.length;
        if (read > blob.size) break;
        if (heldBack) yield heldBack;
        heldBack = chunk;
      }
    } catch (error) {
      if (!(error instanceof Error) || (!isPassing(error) && read === before))
        throw unreachable(reference, error as Error);
    }
    if (read >= blob.size) break;
    // An attempt that brought something does not count: only a registry that gives nothing more ends this.
    if (read > before) attempt = 1;
    if (attempt >= transport.attempts) break;
    await transport.pause(attempt);
  }
  const digest = `${blob.digest.split(":")[0]}:${hash.digest("hex")}`;
  const problem =
    read < blob.size
      ? `broke off after ${read} of ${blob.size} bytes`
      : read > blob.size
        ? `is longer than the ${blob.size} bytes that the manifest names`
        : from === 0 && digest !== blob.digest
          ? `has the digest ${digest}`
          : undefined;
  if (problem) {
    throw new UserError(
      formatReference(reference),
      `blob ${blob.digest} from ${reference.registry} ${problem}.`,
      "The registry's storage or a proxy on the way is damaged: push the image again, or read it without the proxy.",
    );
  }
  if (heldBack) yield heldBack;
}

/** Registries may ignore a range and start from the beginning; what is known already is dropped then. */
async function* skip(answer: Answer, read: number): AsyncGenerator<Buffer> {
  let left = answer.status === 206 ? 0 : read;
  for await (const chunk of answer.chunks()) {
    if (chunk.length > left) yield left > 0 ? chunk.subarray(left) : chunk;
    left = Math.max(0, left - chunk.length);
  }
}
