/** Large blobs from one registry into another: mounted where that goes, else sent, and gone on with after a break. */

import { kindOf } from "../../lib/registry/limits.ts";
import { failure } from "../access/failure.ts";
import type { Answer } from "../access/silence.ts";
import type { Transport } from "../access/transport.ts";
import type { Descriptor } from "../manifest.ts";
import type { Reference } from "../references.ts";
import { askForUpload, hasBlob, nextPath, STORED, uploadPath } from "./put.ts";

/** Uploads that were begun: a run that ends in the middle of one leaves it to the next. */
export interface Sessions {
  /** Where the upload of a blob goes on; undefined when none was begun. */
  get(target: Reference, digest: string): Promise<string | undefined>;
  /** @param location undefined when it is over */
  set(target: Reference, digest: string, location: string | undefined): Promise<void>;
}

export interface UploadOptions {
  /** Where the blob comes from, from a byte on. */
  readonly read: (from: number) => AsyncIterable<Buffer>;
  /** Repository of the same registry that has the blob. */
  readonly mountFrom?: string | undefined;
  readonly sessions?: Sessions | undefined;
  /** Hears of bytes that were sent. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** A registry may look at every byte of a large blob before it answers. */
const COMMIT_MS = 600_000;
const ANEW = new Set([400, 404, 410, 416]);
/** A piece was taken: 202 by the specification, 201 is ECR's answer, 204 was older registries'. */
const TAKEN = new Set([201, 202, 204]);

/**
 * Makes sure that a repository has a blob. Broken connections are gone on with where the registry says that it is, as
 * long as each attempt brings something.
 *
 * @returns how it came there
 * @throws UserError when the registry refuses, or goes away.
 */
export async function ensureBlob(
  transport: Transport,
  target: Reference,
  blob: Descriptor,
  { read, mountFrom, sessions, onBytes = () => {} }: UploadOptions,
): Promise<"there" | "mounted" | "sent"> {
  if (await hasBlob(transport, target, blob.digest)) return "there";
  let upload = await resumed(transport, target, await sessions?.get(target, blob.digest));
  let farthest = -1;
  let wrong = 0;
  for (let attempt = 1; ; attempt++) {
    if (!upload) {
      const begun = await begin(transport, target, blob.digest, mountFrom);
      if (begun === "mounted") return "mounted";
      upload = begun;
    }
    await sessions?.set(target, blob.digest, upload.location);
    if (upload.offset > farthest) attempt = 1;
    farthest = Math.max(farthest, upload.offset);
    const sent =
      upload.offset < blob.size ? await send(transport, target, blob, upload, read, onBytes) : upload;
    if (!("problem" in sent)) {
      const answer = await commit(transport, target, sent.location, blob.digest);
      if (STORED.has(answer.status)) {
        await answer.bytes();
        await sessions?.set(target, blob.digest, undefined);
        return "sent";
      }
      // What came out wrong, after a break somewhere else perhaps, is sent once more from the beginning. An upload that is
      // gone may have ended well: an answer that was lost on the way is asked for again.
      await sessions?.set(target, blob.digest, undefined);
      if (ANEW.has(answer.status) && (await hasBlob(transport, target, blob.digest))) return "sent";
      if (++wrong > 1 || !ANEW.has(answer.status))
        throw await failure(target, answer, `upload of ${blob.digest}`);
      await answer.bytes();
      upload = undefined;
    } else {
      if (attempt >= transport.attempts) throw sent.problem;
      // The registry may still be writing what came before the break.
      await transport.pause(attempt);
      upload = sent.anew ? undefined : await resumed(transport, target, upload.location);
    }
  }
}

/** Where an upload is, and how much of the blob is there. */
interface Upload {
  readonly location: string;
  readonly offset: number;
}

async function begin(
  transport: Transport,
  target: Reference,
  digest: string,
  mountFrom: string | undefined,
): Promise<Upload | "mounted"> {
  const mount = mountFrom && new URLSearchParams({ mount: digest, from: mountFrom });
  const path = `blobs/uploads/${mount ? `?${mount}` : ""}`;
  const answer = await askForUpload(transport, target, path).catch((error: unknown) => {
    // A token service may refuse a token for both repositories, and grant one for this alone.
    if (!mountFrom) throw error;
  });
  if (!answer) return await begin(transport, target, digest, undefined);
  if (answer.status === 201) {
    await answer.bytes();
    return "mounted";
  }
  // Somebody who may not read there cannot mount, and can send all the same.
  if (mountFrom && (answer.status === 401 || answer.status === 403 || answer.status === 404)) {
    await answer.bytes();
    return await begin(transport, target, digest, undefined);
  }
  if (answer.status !== 202) throw await failure(target, answer, "upload");
  await answer.bytes();
  return { location: uploadPath(target, answer), offset: 0 };
}

/** Asks how far an upload is; undefined for one that the registry does not know any more. */
async function resumed(
  transport: Transport,
  target: Reference,
  location: string | undefined,
): Promise<Upload | undefined> {
  // ECR does not say how far an upload is: 404 (dotnet/sdk#33019), and a range that stays at the first piece
  // (https://github.com/aws/containers-roadmap/issues/2831).
  if (location === undefined || kindOf(target.registry) === "ecr") return undefined;
  const answer = await transport.request(target, location);
  await answer.bytes();
  if (answer.status !== 204) return undefined;
  const last = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers.get("range") ?? "")?.[1];
  // "0-0" is how registries say that there is nothing.
  const offset = last === undefined || last === "0" ? 0 : Number(last) + 1;
  return { location: nextPath(target, answer, location), offset };
}

/** Sends the rest of a blob. */
async function send(
  transport: Transport,
  target: Reference,
  blob: Descriptor,
  { location, offset }: Upload,
  read: UploadOptions["read"],
  onBytes: (count: number) => void,
): Promise<Upload | { problem: Error; anew: boolean }> {
  let failed: Error | undefined;
  const stream = async function* () {
    try {
      for await (const chunk of read(offset)) {
        yield chunk;
        onBytes(chunk.length);
      }
    } catch (error) {
      // fetch hides what its body failed of.
      failed = error as Error;
      throw error;
    }
  };
  let answer: Answer;
  try {
    answer = await transport.request(target, location, {
      method: "PATCH",
      headers: {
        "content-type": "application/octet-stream",
        ...(offset > 0 && { "content-range": `${offset}-${blob.size - 1}` }),
      },
      stream,
    });
  } catch (error) {
    if (failed) throw failed;
    return { problem: error as Error, anew: false };
  }
  // ECR under another name: its 201 for a second piece is no promise, and sending all again is one.
  const isDropped = answer.status === 201 && offset > 0;
  if (TAKEN.has(answer.status) && !isDropped) {
    await answer.bytes();
    return { location: nextPath(target, answer, location), offset: blob.size };
  }
  const anew = isDropped || ANEW.has(answer.status);
  const passing = anew || answer.status === 401 || answer.status === 429 || answer.status >= 500;
  const problem = await failure(target, answer, `upload of ${blob.digest}`);
  if (!passing) throw problem;
  return { problem, anew };
}

async function commit(
  transport: Transport,
  target: Reference,
  location: string,
  digest: string,
): Promise<Answer> {
  const url = new URL(location, "http://registry.invalid");
  url.searchParams.set("digest", digest);
  return await transport.request(target, `${url.pathname}${url.search}`, {
    method: "PUT",
    headers: { "content-type": "application/octet-stream", "content-length": "0" },
    timeoutMs: COMMIT_MS,
  });
}
