import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Unreachable } from "./dial.ts";
import type { Watched } from "./watch.ts";

/** Milliseconds that a connection may take to be there. */
const DIAL_MS = 10_000;

/** A socket of this machine that leads to a builder elsewhere, or to one of several, while a run lasts. */
export interface Way {
  /** The socket's path. */
  readonly socket: string;
  close(): void;
}

/** What becomes of connections that a builder ends while somebody uses them. */
export type OnBroken = (upstream: Watched, problem: string) => void;

/**
 * Opens a way. TLS ends here, so that no certificate is written anywhere, and so that a connection to a builder that is gone
 * can be ended: BuildKit's clients wait for ever.
 *
 * @param upstreams in the order in which they are asked
 */
export async function openWay(
  socket: string,
  upstreams: readonly Watched[],
  onBroken: OnBroken,
): Promise<Way> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: false }, (client) => {
    open.add(client);
    client.once("close", () => open.delete(client)).on("error", () => client.destroy());
    client.pause();
    void lead(client, upstreams, onBroken);
  });
  // It keeps no program alive by itself: a run ends when its work does.
  server.unref();
  await listening(server, socket);
  return {
    socket,
    close() {
      server.close();
      for (const client of open) client.destroy();
    },
  };
}

/** Connects a client with the first builder that answers. */
async function lead(client: Socket, upstreams: readonly Watched[], onBroken: OnBroken): Promise<void> {
  for (const upstream of upstreams.filter(({ gone }) => gone === undefined)) {
    const far = await upstream.dial(DIAL_MS).catch((error: Unreachable) => error);
    if (far instanceof Error) continue;
    if (client.destroyed) {
      far.destroy();
      return;
    }
    join(client, far, upstream, onBroken);
    return;
  }
  client.destroy();
}

function join(client: Socket, far: Duplex, upstream: Watched, onBroken: OnBroken): void {
  const cut = () => {
    client.destroy();
    far.destroy();
  };
  upstream.connections.add(cut);
  const end = () => upstream.connections.delete(cut);
  // Whoever ends first is to blame: a builder ends no connection that is in use.
  let clientEnded = false;
  client.once("end", () => {
    clientEnded = true;
  });
  client.once("close", () => {
    clientEnded = true;
    end();
    far.destroy();
  });
  far.on("error", () => {});
  far.once("close", () => {
    end();
    if (!clientEnded && upstream.gone === undefined)
      onBroken(upstream, "ended its connections, as one does that is stopped or killed");
    client.destroy();
  });
  client.pipe(far).pipe(client);
}

function listening(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(socket, () => resolve());
  });
}
