/**
 * Documents under a tag that others write as well. A registry writes over what it has, whatever the writer had read: what
 * was added is looked for again, after as long as anybody needs who had read before.
 */

/** So often a document is written that somebody else writes at the same time. */
const MOST_WRITES = 5;
/** So often it is looked at while others go on adding to it. */
const MOST_LOOKS = 20;

export interface SharedDocument<T extends { readonly digest: string | undefined }> {
  read(): Promise<T>;
  /** Whether what is to be added is in it. */
  has(document: T): boolean;
  /** Stores the document with what is to be added. */
  write(document: T): Promise<void>;
  /** Waits as long as others may take from reading it to having written it, or twice as long as we took. */
  settle(tookMs: number): Promise<void>;
  /** Waits for another while each time: two who write over each other do not go on in step. */
  stagger(writes: number): Promise<void>;
}

/**
 * Adds to a document. It is there to stay when the same document, which has it, is seen twice: whoever had read another
 * one has written by then.
 *
 * @returns false where others keep writing over it
 */
export async function addToShared<T extends { readonly digest: string | undefined }>(
  document: SharedDocument<T>,
): Promise<boolean> {
  let seen: string | undefined;
  let writes = 0;
  let took = 0;
  for (let looks = 0; ; looks++) {
    const began = performance.now();
    const current = await document.read();
    if (document.has(current)) {
      if (writes === 0 || looks >= MOST_LOOKS || seen === current.digest) return true;
      seen = current.digest;
      await document.settle(took);
      continue;
    }
    if (writes++ >= MOST_WRITES) return false;
    seen = undefined;
    await document.write(current);
    took = performance.now() - began;
    if (writes > 1) await document.stagger(writes);
  }
}
