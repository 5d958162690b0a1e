import { z } from "zod";
import { UserError } from "../../errors.ts";
import { pythonVersions } from "../gpu/compatibility.ts";
import { didYouMean } from "../schema-errors.ts";
import { parseLockFile } from "./lock-file.ts";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "a digest is sha256: and 64 hex digits");

const baseImage = z.strictObject({
  /** Where it comes from, with the tag that was looked up; the registry's host stands first. */
  reference: z.string().regex(/^[a-z0-9.-]+\.[a-z]+\/[a-z0-9./_-]+:[\w.-]+$/, "expected host/repository:tag"),
  /** What is really used. */
  digest,
  /** The Python that its own packages bring, `3.11`; any other is a stage of its own. */
  python: z.enum(pythonVersions),
  /** The Debian suite that mmdebstrap makes a substitute from, where the registry cannot be reached. */
  suite: z.enum(["bookworm", "trixie", "forky"]).optional(),
  /** Which suite its packages are of, and the time at which they are locked (`locks/apt`); the snapshot services know it. */
  packages: z
    .strictObject({
      suite: z.string().regex(/^[a-z]+$/),
      date: z.string().regex(/^\d{8}T\d{6}Z$/, "expected a time like 20261201T000000Z"),
    })
    .optional(),
  licences: z.string(),
  /** How the digest came to be known. */
  source: z.string(),
});

const schema = z.record(z.string(), baseImage);
const localSchema = z.record(z.string(), z.string());

export type ImageLock = z.infer<typeof schema>;
export type LockedImage = z.infer<typeof baseImage>;

/** A base image as locks/images.json has it, or as it was made on this machine. */
export interface BaseImage {
  readonly name: string;
  /** `repository@sha256:…` */
  readonly reference: string;
  readonly python: string;
}

/** Where it lies, below the repository. */
export const imageLockPath = "locks/images.json";

/** Reads `locks/images.json`: base images by name, each pinned by digest. Throws all that is wrong with it. */
export function parseImageLock(text: string, path = imageLockPath): ImageLock {
  return parseLockFile(schema, text, path);
}

/** Reads the references of base images that were made on this machine, by name. */
export function parseLocalImages(text: string, path: string): Readonly<Record<string, string>> {
  return parseLockFile(localSchema, text, path, "Remove it: `make up` makes it anew.");
}

/** The base image `name`: as made on this machine, if it was, else as locked. */
export function baseImageNamed(
  name: string,
  lock: ImageLock,
  local: Readonly<Record<string, string>>,
): BaseImage {
  const entry = lock[name];
  if (!entry) {
    throw new UserError(
      "strata:base",
      `expected one of ${Object.keys(lock).join(", ")}, got "${name}".`,
      didYouMean(name, Object.keys(lock)) || "Add it to locks/images.json, with its digest.",
    );
  }
  return { name, reference: local[name] ?? `${entry.reference}@${entry.digest}`, python: entry.python };
}
