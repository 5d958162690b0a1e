import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

export interface HostProxy extends AsyncDisposable {
  /** What HTTPS_PROXY is set to. */
  readonly address: string;
}

/**
 * A proxy on loopback behind which these hosts are ours: programs ask for `https://api.github.com` as they always do. Every
 * other host is out of reach, and told of.
 */
export async function startHostProxy(
  hosts: Readonly<Record<string, RequestListener>>,
  certificate: { readonly cert: string; readonly key: string },
  onStranger: (host: string) => void,
): Promise<HostProxy> {
  const sockets = new Set<Duplex>();
  const inner = createTlsServer(certificate, (request, response) => {
    const host = (request.headers.host ?? "").split(":")[0] ?? "";
    const listener = hosts[host];
    if (listener) listener(request, response);
    else response.writeHead(404).end();
  });
  const outer = createServer((_, response) => response.writeHead(405).end());
  outer.on("connect", (request, socket) => {
    const [host = ""] = (request.url ?? "").split(":");
    socket.on("error", () => {});
    if (!(host in hosts)) {
      onStranger(host);
      socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      return;
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    inner.emit("connection", socket);
  });
  await new Promise<void>((resolve) => outer.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(outer.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      outer.closeAllConnections();
      await new Promise((resolve) => outer.close(resolve));
    },
  };
}
