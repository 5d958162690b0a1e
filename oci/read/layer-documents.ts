/** Small files of a layer, kept by the layer's digest: a layer never changes, so it is read once. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { extract } from "tar-stream";
import { z } from "zod";
import { keepFile } from "./listing-cache.ts";

/** Larger ones are none that anybody reads. */
const LARGEST = 4 * 2 ** 20;

/** Raised where another choice of files, or other parts of them, are kept. */
const VERSION = 1;

const Kept = z.strictObject({
  version: z.literal(VERSION),
  files: z.record(z.string(), z.string()),
  links: z.record(z.string(), z.string()),
});

/** Texts by path, and where symbolic links lead; paths have no slash in front. */
export type Documents = Pick<z.infer<typeof Kept>, "files" | "links">;

/** Which files are read, and how much of each. */
export interface DocumentChoice {
  readonly isWanted: (path: string) => boolean;
  readonly part: (path: string, text: string) => string;
  /** Hears of everything that is no folder. */
  readonly onPath?: (path: string) => void;
}

/** The documents of a layer: those that are kept, else those of the tar that `open` gives. */
export async function layerDocuments(
  folder: string,
  digest: string,
  choice: DocumentChoice,
  open: () => Readable,
): Promise<Documents> {
  const path = join(folder, `${digest.replace(":", "-")}.json`);
  const kept = await readFile(path, "utf8")
    .then((text) => Kept.safeParse(JSON.parse(text)).data)
    // Absent, unreadable or cut off: the layer is read anew.
    .catch(() => undefined);
  if (kept) return kept;
  const documents = await readDocuments(open(), choice);
  await keepFile(path, JSON.stringify({ version: VERSION, ...documents }));
  return documents;
}

/** Reads a tar to its end. @throws whatever the source throws, and Error for a damaged tar */
export async function readDocuments(
  tar: Readable,
  { isWanted, part, onPath }: DocumentChoice,
): Promise<Documents> {
  const members = extract();
  tar.on("error", (error) => members.destroy(error));
  tar.pipe(members);
  const files: Record<string, string> = {};
  const links: Record<string, string> = {};
  try {
    for await (const member of members) {
      const { name, type, linkname, size = 0 } = member.header;
      const path = name.replace(/^(?:\.?\/)+|\/$/g, "");
      if (type !== "directory") onPath?.(path);
      if (type === "symlink" && linkname) links[path] = linkname;
      if (type !== "file" || size > LARGEST || !isWanted(path)) {
        member.resume();
        continue;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of member) chunks.push(chunk as Buffer);
      files[path] = part(path, Buffer.concat(chunks).toString("utf8"));
    }
  } finally {
    tar.destroy();
  }
  return { files, links };
}
