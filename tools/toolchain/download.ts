import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { UserError } from "../../errors.ts";
import { run } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { produce } from "./produce.ts";
import { fetchBytes, reachable } from "./reach.ts";
import type { Release } from "./tools.ts";

/** The sha256 that the lines `<sha256>  <file>` of a checksum file give for `file`, or undefined. */
export function publishedChecksum(lines: string, file: string): string | undefined {
  for (const line of lines.split("\n")) {
    const [sum, name] = line.trim().split(/\s+\*?/);
    if (sum && name && basename(name) === file && /^[0-9a-f]{64}$/i.test(sum)) return sum.toLowerCase();
  }
  return undefined;
}

/**
 * The program of a release, fetched into `downloads/` of the cache; undefined where its host cannot be reached.
 * One archive may hold several programs: it is fetched once.
 */
export async function download(release: Release, cache: string): Promise<string | undefined> {
  const archive = basename(release.url);
  const folder = join(cache, "downloads", archive.replace(/\.tar\.gz$/, ""));
  const program = join(folder, release.file);
  if (existsSync(program)) return program;
  if (!(await reachable(release.url))) return undefined;
  await withProgress(`Downloading ${archive}`, () =>
    produce(folder, async (temporary) => {
      const bytes = await fetchBytes(release.url);
      if (release.checksums) {
        const lines = new TextDecoder().decode(await fetchBytes(release.checksums));
        verify(archive, bytes, publishedChecksum(lines, archive), release.checksums);
      }
      const file = join(temporary, archive);
      await mkdir(temporary, { recursive: true });
      await writeFile(file, bytes);
      await run("tar", ["-xzf", file, "-C", temporary], { remedy: "Is the disk full?" });
      await rm(file);
    }),
  );
  if (!existsSync(program)) {
    throw new UserError(release.url, `holds no ${release.file}.`, `Remove ${folder} and report this.`);
  }
  return program;
}

/** Refuses bytes that are not what was published. */
function verify(archive: string, bytes: Uint8Array, publishedHash: string | undefined, source: string): void {
  const actualHash = createHash("sha256").update(bytes).digest("hex");
  if (publishedHash === actualHash) return;
  throw new UserError(
    archive,
    publishedHash
      ? `has sha256 ${actualHash}, but ${publishedHash} was published.`
      : `is not named in ${source}.`,
    "Run the same command again; if it stays so, something between here and there changes downloads.",
  );
}
