import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** A listener of an instance. */
export interface Door {
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
}

export function openSocket({ address, port, tls }: Door): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // Its certificate is its own, for no name that this machine knows.
    const socket = tls
      ? connectTls({ host: address, port, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] })
      : connectPlain({ host: address, port });
    socket.once(tls ? "secureConnect" : "connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** What comes back for these bytes until the other side closes, says nothing more for `quiet` ms, or `seconds` are over. */
export async function say(door: Door, bytes: string | Buffer, quiet = 150, seconds = 5): Promise<string> {
  let socket: Socket;
  try {
    socket = await openSocket(door);
  } catch {
    return "";
  }
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve) => {
    let pause: NodeJS.Timeout | undefined;
    const limit = setTimeout(resolve, seconds * 1000);
    const done = () => {
      clearTimeout(limit);
      clearTimeout(pause);
      resolve();
    };
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      clearTimeout(pause);
      pause = setTimeout(done, quiet);
    });
    socket.once("close", done);
    socket.once("error", done);
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  });
  socket.destroy();
  return Buffer.concat(chunks).toString("latin1");
}

/** Status lines among what came back; Caddy's answer to plain HTTP on a port with TLS is one of HTTP/1.0. */
export function statuses(answer: string): number[] {
  return [...answer.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));
}

/** Whether somebody accepts connections there. */
export function accepts(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectPlain({ host: address, port });
    const tell = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => tell(true));
    socket.once("error", () => tell(false));
    socket.setTimeout(2_000, () => tell(false));
  });
}

/** Every TCP port of an address that accepts connections. */
export async function scan(address: string): Promise<number[]> {
  const open: number[] = [];
  let next = 1;
  const worker = async () => {
    while (next <= 65_535) {
      const port = next++;
      if (await accepts(address, port)) open.push(port);
    }
  };
  await Promise.all(Array.from({ length: 200 }, worker));
  return open.sort((a, b) => a - b);
}
