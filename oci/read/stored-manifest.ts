import { createHash } from "node:crypto";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { failure } from "../access/failure.ts";
import type { Transport } from "../access/transport.ts";
import { MANIFEST_TYPES } from "../manifest.ts";
import { formatReference, type Reference } from "../references.ts";

/** A manifest as the registry has it; its digest was checked. */
export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly document: unknown;
}

/** Reads the manifest `name`, a tag or a digest, of the reference's repository. */
export async function readManifest(
  transport: Transport,
  reference: Reference,
  name: string,
): Promise<StoredManifest> {
  const answer = await transport.request(reference, `manifests/${name}`, {
    headers: { accept: MANIFEST_TYPES.join(", ") },
  });
  if (answer.status !== 200) throw await failure(reference, answer, "manifest");
  const bytes = await answer.bytes();
  const algorithm = name.startsWith("sha512:") ? "sha512" : "sha256";
  const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
  const promised = name.includes(":") ? name : answer.headers.get("docker-content-digest");
  if (promised?.startsWith(`${algorithm}:`) && promised !== digest) {
    throw new UserError(
      formatReference(reference),
      `the manifest from ${reference.registry} has the digest ${digest}, not ${promised}.`,
      "The registry's storage or a proxy on the way is damaged: push the image again, or read it without the proxy.",
    );
  }
  const document = parseJson(bytes);
  const inside = (document as { mediaType?: unknown } | undefined)?.mediaType;
  const mediaType = typeof inside === "string" ? inside : (answer.headers.get("content-type") ?? "");
  return { digest, mediaType, bytes, document };
}

/** A document as its schema has it; throws what a registry sends that is none. */
export function checkDocument<T>(
  schema: z.ZodType<T>,
  document: unknown,
  reference: Reference,
  what: string,
): T {
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  throw new UserError(
    formatReference(reference),
    `the ${what} from ${reference.registry} is not one of a container image: ${z.prettifyError(result.error)}.`,
    "Check that the reference names an image (manifest version 2 or OCI).",
  );
}

/** undefined for what is not JSON. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
