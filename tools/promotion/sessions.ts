import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatReference, type Reference } from "../../oci/references.ts";
import type { Sessions } from "../../oci/write/upload.ts";
import { writeAtomically } from "../program/files.ts";

/** Uploads that were begun, a small file each in `folder`. */
export function sessionsIn(folder: string): Sessions {
  const fileOf = (target: Reference, digest: string) => {
    const name = formatReference({ ...target, digest });
    return join(folder, createHash("sha256").update(name).digest("hex"));
  };
  return {
    get: (target, digest) => readFile(fileOf(target, digest), "utf8").catch(() => undefined),
    set: async (target, digest, location) => {
      const file = fileOf(target, digest);
      // An address of an upload may be enough to write to it.
      if (location === undefined) await rm(file, { force: true });
      else await writeAtomically(file, location, 0o600);
    },
  };
}
