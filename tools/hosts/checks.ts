import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { extract, pack } from "tar-stream";

/** The smoke checks of `folder` as a tar with the one folder `smoke`, the same bytes for the same files. */
export async function packChecks(folder: string): Promise<Buffer> {
  const files = globSync("**/*.py", { cwd: folder })
    .filter((path) => !/(^|\/)(tests|__pycache__)\//.test(path))
    .sort();
  const tar = pack();
  const folders = new Set(files.flatMap((path) => parentsOf(`smoke/${path}`)));
  for (const name of folders) tar.entry({ name, type: "directory", mode: 0o755, mtime: new Date(0) });
  for (const path of files) {
    tar.entry({ name: `smoke/${path}`, mode: 0o644, mtime: new Date(0) }, await readFile(join(folder, path)));
  }
  tar.finalize();
  return await buffer(tar);
}

/** The first file of a tar; undefined where there is none, or no tar. */
export async function firstFile(tar: Buffer): Promise<string | undefined> {
  try {
    for await (const entry of Readable.from([tar]).pipe(extract())) {
      if (entry.header.type === "file") return (await buffer(entry)).toString("utf8");
      entry.resume();
    }
  } catch {
    // What an interrupted copy left is as good as nothing.
  }
  return undefined;
}

/** `a/b/c` is in `a/` and `a/b/`. */
function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => `${parts.slice(0, index + 1).join("/")}/`);
}
