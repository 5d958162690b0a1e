/** Tars in memory. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { extract, type Header, pack } from "tar-stream";

export type Member = Partial<Header> & { name: string; content?: string | Buffer };

/** A tar with these members; modes default to 0644 for files and 0755 for folders. */
export async function makeTar(members: readonly Member[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of members) {
    const mode = header.type === "directory" ? 0o755 : 0o644;
    tar.entry({ mode, mtime: new Date(0), ...header } as Header, content ?? "");
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The members of a tar by name. */
export async function readTar(tar: Buffer): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>();
  for await (const entry of Readable.from([tar]).pipe(extract()))
    members.set(entry.header.name, await buffer(entry));
  return members;
}
