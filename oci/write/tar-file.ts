import type { FileHandle } from "node:fs/promises";
import { pack } from "tar-stream";

const BLOCK = 512;

/**
 * A tar that is written to a file. A member's size and name may be known only when all of it is written: its header is
 * filled in then, so that nothing large is kept anywhere else meanwhile.
 */
export class TarFile {
  #end = 0;
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param name what the member is called, asked when all of it was read */
  async add(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, name: () => string): Promise<void> {
    const start = this.#end;
    let at = start + BLOCK;
    for await (const chunk of chunks) {
      await this.#write(chunk, at);
      at += chunk.length;
    }
    const size = at - start - BLOCK;
    await this.#write(await header(name(), size), start);
    // What lies between is never written, and reads as the zeros that a tar has there.
    this.#end = start + BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }

  async finish(): Promise<void> {
    await this.#write(Buffer.alloc(2 * BLOCK), this.#end);
  }

  async #write(bytes: Buffer, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }
}

/** One block, by the same library that reads layers. Without times and owners: the same image is the same archive. */
async function header(name: string, size: number): Promise<Buffer> {
  const one = pack();
  one.on("error", () => {});
  one.entry({ name, size, mode: 0o644, mtime: new Date(0) });
  for await (const block of one as AsyncIterable<Buffer>) {
    if (block.length === BLOCK) return block;
    break;
  }
  throw new Error(`the tar header of ${name} is not one block`);
}
