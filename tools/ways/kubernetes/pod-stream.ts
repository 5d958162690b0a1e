import { Duplex } from "node:stream";
import { lastLine } from "../../program/exec.ts";
import { Unreachable } from "../dial.ts";
import { innermostReason, inTime, RIGHTS, refusalOf } from "./api-error.ts";
import type { Cluster, PodSocket } from "./cluster.ts";

/** Channels of a stream to a command (k8s.io/apimachinery, pkg/util/remotecommand). */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;

/** What buildctl is told in a pod: it carries what comes to the builder's socket. */
const COMMAND = ["buildctl", "dial-stdio"];

/** Where a buildkitd is. */
export interface PodPlace {
  readonly pod: string;
  readonly container: string;
}

/**
 * A connection with the buildkitd of a pod, through the API server and buildctl in the pod. So it listens nowhere: a port
 * would be open to what is built, which shares the pod's network.
 *
 * @throws Unreachable
 */
export async function dialPod(
  cluster: Cluster,
  { pod, container }: PodPlace,
  timeoutMs: number,
): Promise<Duplex> {
  const query = new URLSearchParams({ container, stdin: "true", stdout: "true", stderr: "true" });
  for (const word of COMMAND) query.append("command", word);
  const path = `/api/v1/namespaces/${cluster.namespace}/pods/${pod}/exec?${query}`;
  const dial = async () => {
    const stream = new PodStream();
    const opening = cluster.stream.connect(path, null, (channel, bytes) => stream.receive(channel, bytes));
    const remedy = "See that the machine runs, and that no firewall is in between.";
    try {
      stream.connected(await inTime(opening, timeoutMs, remedy));
      return stream;
    } catch (error) {
      stream.destroy();
      // It may come later: nobody waits for it.
      opening.then(
        (socket) => socket.terminate(),
        () => {},
      );
      throw error;
    }
  };
  try {
    return await dial().catch(async (error: unknown) => {
      if (!/\b401\b/.test(handshakeError(error)) || !cluster.loginAgain()) throw error;
      return await dial();
    });
  } catch (error) {
    if (error instanceof Unreachable) throw error;
    throw (
      (await refusalOfStream(cluster, { pod, container }, timeoutMs)) ?? cannotEnter(handshakeError(error))
    );
  }
}

function cannotEnter(why: string, remedy = ""): Unreachable {
  return new Unreachable(`cannot be entered (${why})`, remedy);
}

/** Why the API server opens no stream: a WebSocket hears its status alone, so it is asked once more, in plain. */
async function refusalOfStream(
  { core, namespace }: Cluster,
  { pod: name, container }: PodPlace,
  timeoutMs: number,
): Promise<Unreachable | undefined> {
  const [command = ""] = COMMAND;
  const question = core.connectGetNamespacedPodExec({ name, namespace, container, command, stdin: true });
  const refusal = await inTime(question, timeoutMs).then(
    () => undefined,
    (error: unknown) => refusalOf(error),
  );
  if (refusal === undefined || /upgrade/i.test(refusal.message)) return undefined;
  return cannotEnter(
    `the cluster says: ${refusal.message.replace(/\.$/, "")}`,
    refusal.code === 403 ? RIGHTS : "",
  );
}

/** The WebSocket's own event, or what was thrown. */
function handshakeError(error: unknown): string {
  const { message, error: cause } = (error ?? {}) as { message?: unknown; error?: unknown };
  if (cause instanceof Error) return innermostReason(cause);
  return typeof message === "string" ? message : innermostReason(error);
}

/** Both directions of a command's stream as one connection. */
class PodStream extends Duplex {
  #socket: PodSocket | undefined;
  #said = "";

  constructor() {
    super({ allowHalfOpen: false });
    this.on("error", () => {});
  }

  connected(socket: PodSocket): void {
    this.#socket = socket;
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.#ended());
    if (this.destroyed) socket.terminate();
  }

  /** A message from the pod. @returns whether more is wanted */
  receive(channel: number, bytes: Buffer): boolean {
    if (channel === STDOUT && bytes.length > 0 && !this.push(bytes)) this.#socket?.pause();
    if (channel === STDERR) this.#said = `${this.#said}${bytes}`.slice(-500);
    if (channel === STATUS) this.#failed(bytes.toString());
    return true;
  }

  #failed(status: string): void {
    const { status: result, message = "" } = JSON.parse(status) as { status?: string; message?: string };
    if (result === "Failure") {
      const words = lastLine(this.#said) || message;
      const problem = `has no buildkitd that answers (${words.replace(/^error: /, "")})`;
      this.destroy(new Unreachable(problem, "See kubectl logs."));
    } else this.#ended();
  }

  #ended(): void {
    this.push(null);
    this.destroy();
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#socket) this.#socket.send(Buffer.concat([Buffer.of(STDIN), chunk]), done);
    else done(new Unreachable("is not connected", ""));
  }

  override _final(done: () => void): void {
    this.#socket?.terminate();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket?.terminate();
    done(error);
  }
}
