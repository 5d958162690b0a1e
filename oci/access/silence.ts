/** Requests and answers that fail when the other side falls silent, however long they take as a whole. */

/** An answer with a body that fails when the registry falls silent. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Host that answered where a redirect led away from the registry. */
  readonly elsewhere?: string | undefined;
  /** The body's chunks. May be read once; leaving the loop early closes the connection. */
  chunks(): AsyncGenerator<Buffer>;
  /** The whole body; for small documents only. */
  bytes(): Promise<Buffer>;
}

/** Aborts a request when nothing came for too long. Runs only while somebody waits: a slow reader is no silence. */
export class SilenceClock {
  private readonly control = new AbortController();
  private readonly limitMs: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.limitMs = limitMs;
  }

  get signal(): AbortSignal {
    return this.control.signal;
  }

  start(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const problem = new Error(`silent for ${this.limitMs / 1000} s`);
      this.control.abort(Object.assign(problem, { code: "ETIMEDOUT" }));
    }, this.limitMs);
    // The connection keeps the process alive as long as there is one; after it nobody waits for this.
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

/** An answer whose chunks are waited for, each for as long as the clock allows. */
export function readable(response: Response, clock: SilenceClock, asked?: URL): Answer {
  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      clock.start();
      for await (const chunk of response.body ?? []) {
        clock.stop();
        yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        clock.start();
      }
    } finally {
      clock.stop();
    }
  }
  return {
    status: response.status,
    headers: response.headers,
    elsewhere: asked && response.redirected ? otherHost(response.url, asked) : undefined,
    chunks,
    async bytes() {
      const parts: Buffer[] = [];
      for await (const chunk of chunks()) parts.push(chunk);
      return Buffer.concat(parts);
    },
  };
}

function otherHost(url: string, { host }: URL): string | undefined {
  const answered = new URL(url).host;
  return answered === host ? undefined : answered;
}

/** A body that is sent as it comes; time runs only while the registry takes nothing. */
export async function* uploaded(
  chunks: AsyncIterable<Buffer>,
  clock: SilenceClock,
): AsyncGenerator<Uint8Array> {
  clock.stop();
  for await (const chunk of chunks) {
    clock.start();
    yield chunk;
    clock.stop();
  }
  // Only now is it the registry's turn; a body that broke off is nobody's to wait for.
  clock.start();
}
