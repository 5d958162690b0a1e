import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { LockedModel } from "../../lib/locks/model-lock.ts";

/** Models served over HTTP on the loopback address, in parts where somebody asks for parts. */
export interface ModelServer {
  /** Puts a model on it; the same name and size have the same bytes. */
  serve(path: string, bytes: number): LockedModel;
  /** Bytes of a model that were handed out; what only asks for its size counts next to nothing. */
  given(model: LockedModel): number;
  /** Most bytes a second for one connection from now on; undefined for all that there are. */
  limit(bytesPerSecond: number | undefined): void;
  close(): void;
}

const CHUNK = 64 * 1024;

export async function startModelServer(): Promise<ModelServer> {
  const contents = new Map<string, Buffer>();
  const given = new Map<string, number>();
  let limit: number | undefined;
  const server = createServer(async (request, response) => {
    const path = request.url ?? "";
    const content = contents.get(path);
    if (!content) {
      response.writeHead(404).end();
      return;
    }
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const start = Number(from ?? 0);
    const end = to ? Math.min(Number(to) + 1, content.length) : content.length;
    response.writeHead(from === undefined ? 200 : 206, {
      "content-length": end - start,
      "accept-ranges": "bytes",
      ...(from === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${content.length}` }),
    });
    for (let at = start; at < end && !response.destroyed; at += CHUNK) {
      const part = content.subarray(at, Math.min(at + CHUNK, end));
      given.set(path, (given.get(path) ?? 0) + part.length);
      if (!response.write(part) && !response.destroyed) await drained(response);
      if (limit !== undefined) await sleep((1_000 * part.length) / limit);
    }
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pathOf = ({ url }: LockedModel) => url.slice(address.length);
  return {
    serve(path, bytes) {
      const content = incompressible(path, bytes);
      const name = path.split("/").at(-1) ?? "";
      contents.set(`/${path}`, content);
      return {
        name,
        folder: path.slice(0, -name.length - 1),
        licence: null,
        source: "made by the test",
        url: `${address}/${path}`,
        size: bytes,
        sha256: createHash("sha256").update(content).digest("hex"),
        gated: false,
      };
    },
    given: (model) => given.get(pathOf(model)) ?? 0,
    limit(bytesPerSecond) {
      limit = bytesPerSecond;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Resolves when there is room for more, or nobody listens any longer. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      response.off("drain", end).off("close", end);
      resolve();
    };
    response.on("drain", end).on("close", end);
  });
}

/** Bytes that do not compress, the same for the same seed. */
function incompressible(seed: string, bytes: number): Buffer {
  const block = createHash("shake256", { outputLength: 1 << 20 })
    .update(seed)
    .digest();
  const content = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += block.length) {
    block.copy(content, at, 0, Math.min(block.length, bytes - at));
    // No block is like the one before.
    content.writeUInt32LE(at, Math.min(at, bytes - 4));
  }
  return content;
}
