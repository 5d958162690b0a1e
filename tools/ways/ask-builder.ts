import { type ClientHttp2Session, connect } from "node:http2";
import { explained, Unreachable, type Upstream } from "./dial.ts";

/** An empty message of gRPC: not compressed, no bytes. */
const emptyMessage = Buffer.alloc(5);

/**
 * Asks a builder for its workers, over a connection of its own: what works from here to there, and whether it can take a
 * build. @throws Unreachable
 */
export async function askForWorkers(upstream: Upstream, timeoutMs: number): Promise<void> {
  const socket = await upstream.dial(timeoutMs);
  const session = connect("http://buildkitd", { createConnection: () => socket });
  let timer: NodeJS.Timeout | undefined;
  try {
    const { status, bytes } = await new Promise<Answer>((resolve, reject) => {
      const late = `takes connections, and has not answered for ${timeoutMs / 1000} s`;
      timer = setTimeout(() => reject(new Unreachable(late, "It hangs: look at its machine.")), timeoutMs);
      // That a client's certificate is refused comes after the handshake, as an error of the connection.
      socket.once("error", (error) => reject(explained(error)));
      session.once("error", (error) => setImmediate(() => reject(explained(error))));
      session.once("close", () => setImmediate(() => reject(explained(new Error("closed at once")))));
      listWorkers(session, resolve, reject);
    });
    if (status !== "0") throw new Unreachable(`answers like no buildkitd (gRPC status ${status})`, "");
    if (bytes <= emptyMessage.length) {
      throw new Unreachable(
        "is a buildkitd without a worker",
        "See its log: runc or its root may be missing.",
      );
    }
  } finally {
    clearTimeout(timer);
    session.on("error", () => {});
    session.destroy();
    socket.destroy();
  }
}

/** After what is about to be said by others. */
function later(work: () => void): void {
  setImmediate(() => setImmediate(work));
}

interface Answer {
  readonly status: string;
  readonly bytes: number;
}

function listWorkers(
  session: ClientHttp2Session,
  resolve: (answer: Answer) => void,
  reject: (error: Error) => void,
): void {
  const request = session.request({
    ":method": "POST",
    ":path": "/moby.buildkit.v1.Control/ListWorkers",
    "content-type": "application/grpc",
    te: "trailers",
  });
  let bytes = 0;
  let status = "";
  request.on("response", (headers) => {
    status = String(headers["grpc-status"] ?? "");
  });
  request.on("trailers", (headers) => {
    status = String(headers["grpc-status"] ?? status);
  });
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on("end", () => {
    if (status !== "") resolve({ status, bytes });
    // Why it ended before it began, the connection's own error says.
    else later(() => reject(explained(new Error("closed at once"))));
  });
  // The connection's own error, which comes with it, says more.
  request.on("error", (error) => later(() => reject(explained(error))));
  request.end(emptyMessage);
}

const ASK_MS = 10_000;

/** Why a builder cannot take a build; undefined where it can. */
export async function problemOf(upstream: Upstream, timeoutMs = ASK_MS): Promise<Unreachable | undefined> {
  return await askForWorkers(upstream, timeoutMs).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Unreachable) return error;
      throw error;
    },
  );
}

/** The same for anybody who only wants to know. */
export async function answers(upstream: Upstream, timeoutMs: number): Promise<boolean> {
  return await askForWorkers(upstream, timeoutMs).then(
    () => true,
    () => false,
  );
}
