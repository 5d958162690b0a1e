/** A registry that gives each connection so many bytes a second, as those on the net do: it serves images and takes none. */
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** What is served, by digest, or by tag where it is a manifest. */
export interface Served {
  readonly mediaType: string;
  readonly size: number;
  readonly open: () => Readable | AsyncIterable<Buffer>;
}

/** A file that is served. */
export function fileServed(mediaType: string, size: number, path: string): Served {
  return { mediaType, size, open: () => createReadStream(path, { highWaterMark: 1 << 20 }) };
}

/** @param rate bytes a second of each connection; all that there is by default */
export async function serveImages(content: ReadonlyMap<string, Served>, rate = Number.POSITIVE_INFINITY) {
  let open = 0;
  let most = 0;
  const server = createServer(async (request, response) => {
    const name = request.url?.split("/").at(-1) ?? "";
    if (request.url === "/v2/") return void response.end("{}");
    const served = content.get(name);
    if (!served) return void response.writeHead(404).end();
    response.writeHead(200, {
      "content-type": served.mediaType,
      "content-length": served.size,
      ...(name.startsWith("sha256:") ? { "docker-content-digest": name } : {}),
    });
    if (request.method === "HEAD") return void response.end();
    most = Math.max(most, ++open);
    try {
      const began = performance.now();
      let sent = 0;
      for await (const chunk of served.open()) {
        if (response.destroyed) return;
        sent += (chunk as Buffer).length;
        if (!response.write(chunk)) await drained(response);
        const due = (sent / rate) * 1000 - (performance.now() - began);
        if (due > 1) await sleep(due);
      }
      response.end();
    } finally {
      open--;
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Most layers that were fetched at the same time since this was asked last. */
    most() {
      const found = most;
      most = 0;
      return found;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function drained(response: NodeJS.WritableStream): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}
