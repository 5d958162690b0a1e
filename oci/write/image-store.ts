/** Where an image is exported to: a file that is a layout and a Docker archive in one, or a layout as a folder. */
import { createHash } from "node:crypto";
import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TarFile } from "./tar-file.ts";

/** Digest and size of what was stored. */
export interface StoredBlob {
  readonly digest: string;
  readonly size: number;
}

export interface ImageStore {
  /** Stores a blob below `blobs/`, under the digest that it turns out to have. */
  blob(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<StoredBlob>;
  document(name: string, text: string): Promise<void>;
  finish(): Promise<void>;
  /** Lets go of what is open, whatever happened. */
  close(): Promise<void>;
}

/** Where a blob is in a store. */
export function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** A tar at `path`. */
export async function tarStore(path: string): Promise<ImageStore> {
  const file = await open(path, "w");
  const tar = new TarFile(file);
  return {
    async blob(chunks) {
      const counted = counting(chunks);
      await tar.add(counted.chunks, () => blobPath(counted.result().digest));
      return counted.result();
    },
    document: (name, text) => tar.add([Buffer.from(text)], () => name),
    async finish() {
      await tar.finish();
      await file.sync();
    },
    close: () => file.close(),
  };
}

/** A new folder at `path`. */
export async function folderStore(path: string): Promise<ImageStore> {
  await mkdir(join(path, "blobs", "sha256"), { recursive: true });
  return {
    async blob(chunks) {
      const counted = counting(chunks);
      const draft = join(path, "blobs", "draft");
      await writeFile(draft, counted.chunks);
      const { digest } = counted.result();
      await rename(draft, join(path, blobPath(digest)));
      return counted.result();
    },
    document: (name, text) => writeFile(join(path, name), text),
    async finish() {},
    async close() {},
  };
}

function counting(chunks: AsyncIterable<Buffer> | Iterable<Buffer>) {
  const hash = createHash("sha256");
  let size = 0;
  let digest: string | undefined;
  async function* pass(): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  const result = (): StoredBlob => {
    digest ??= `sha256:${hash.digest("hex")}`;
    return { digest, size };
  };
  return { chunks: pass(), result };
}
