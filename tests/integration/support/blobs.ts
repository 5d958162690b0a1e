import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "../../../home.ts";

/** Blobs of a home's registry, on its disk: bytes by digest. */
export function blobSizes(home: Home): Map<string, number> {
  const folder = join(home.registry, "docker/registry/v2/blobs/sha256");
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name === "data")
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [entry.parentPath.split("/").at(-1) ?? "", statSync(path).size];
      }),
  );
}
