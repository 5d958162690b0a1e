/**
 * The far end of a session of Systems Manager: service and agent in one, as github.com/aws/session-manager-plugin 1.3.0 (src/message,
 * src/datachannel, src/sessionmanagerplugin/session/portsession) speaks with them. Messages go over a WebSocket, each is
 * acknowledged, and a port's connections are streams of xtaci/smux, version 1, which amazon-ssm-agent serves.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** What the agent does with what comes. */
export interface Session {
  /** What the plugin said first: its token, and who it is. */
  readonly opened: Record<string, unknown>;
  /** How it answered the agent's requests. */
  readonly handshake: Record<string, unknown> | undefined;
  /** Connections so far. */
  readonly streams: number;
  /** Ends the session, as its time limit does. */
  end(): void;
}

export interface SsmAgent {
  readonly url: string;
  readonly sessions: Session[];
  close(): void;
}

const HEADER = 116;
const PAYLOAD = { output: 1, handshakeRequest: 5, handshakeResponse: 6, handshakeComplete: 7, flag: 10 };
/** Bytes of a message, as the agent cuts them. */
const CHUNK = 1024;
const SMUX = { open: 0, close: 1, data: 2 };

/** @param port of this machine to which the agent forwards */
export async function startSsmAgent(port: number): Promise<SsmAgent> {
  const sessions: Session[] = [];
  const sockets = new Set<Socket>();
  const server = createServer().on("upgrade", (request, socket: Socket) => {
    const key = request.headers["sec-websocket-key"] ?? "";
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    sockets.add(socket.on("error", () => {}));
    sessions.push(new AgentSession(socket, port));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${own}/v1/data-channel`,
    sessions,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

class AgentSession implements Session {
  opened: Record<string, unknown> = {};
  handshake: Record<string, unknown> | undefined;
  streams = 0;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #open = new Map<number, Socket>();
  #frames = Buffer.alloc(0);
  #muxed = Buffer.alloc(0);
  #sent = 0;
  #expected = 0;

  constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on("data", (chunk: Buffer) => {
      this.#frames = Buffer.concat([this.#frames, chunk]);
      while (this.#frame());
    });
    socket.on("close", () => {
      for (const each of this.#open.values()) each.destroy();
    });
  }

  end(): void {
    this.#message(
      "channel_closed",
      0,
      Buffer.from(JSON.stringify({ MessageType: "channel_closed", Output: "" })),
    );
  }

  /** One frame of the WebSocket (RFC 6455); the plugin's are masked. @returns whether there was one */
  #frame(): boolean {
    const bytes = this.#frames;
    if (bytes.length < 2) return false;
    const short = (bytes[1] ?? 0) & 0x7f;
    const wide = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (bytes.length < 6 + wide) return false;
    const length = wide === 0 ? short : wide === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    const start = 6 + wide;
    if (bytes.length < start + length) return false;
    const mask = bytes.subarray(2 + wide, start);
    const data = Buffer.from(bytes.subarray(start, start + length)).map(
      (byte, at) => byte ^ (mask[at % 4] ?? 0),
    );
    this.#frames = bytes.subarray(start + length);
    const kind = (bytes[0] ?? 0) & 0x0f;
    if (kind === 1) this.#begin(JSON.parse(Buffer.from(data).toString()));
    else if (kind === 2) this.#received(Buffer.from(data));
    else if (kind === 8) this.#socket.end();
    else if (kind === 9) this.#write(10, Buffer.from(data));
    return true;
  }

  #write(kind: number, data: Buffer): void {
    const head =
      data.length < 126
        ? Buffer.of(0x80 | kind, data.length)
        : Buffer.of(0x80 | kind, 126, data.length >> 8, data.length & 0xff);
    this.#socket.write(Buffer.concat([head, data]));
  }

  #begin(opened: Record<string, unknown>): void {
    this.opened = opened;
    const properties = { portNumber: "1234", type: "LocalPortForwarding" };
    const parameters = { SessionType: "Port", Properties: properties };
    const actions = [{ ActionType: "SessionType", ActionParameters: parameters }];
    this.#send(PAYLOAD.handshakeRequest, { AgentVersion: "3.3.3050.0", RequestedClientActions: actions });
  }

  #send(type: number, payload: object | Buffer): void {
    const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload));
    this.#message("output_stream_data", type, bytes, this.#sent++);
  }

  #message(kind: string, type: number, payload: Buffer, sequence = 0): void {
    const head = Buffer.alloc(HEADER + 4);
    head.writeUInt32BE(HEADER, 0);
    head.write(kind.padEnd(32), 4);
    head.writeUInt32BE(1, 36);
    head.writeBigUInt64BE(BigInt(Date.now()), 40);
    head.writeBigInt64BE(BigInt(sequence), 48);
    head.writeBigUInt64BE(sequence === 0 ? 1n : 0n, 56);
    const id = Buffer.from(randomUUID().replaceAll("-", ""), "hex");
    Buffer.concat([id.subarray(8), id.subarray(0, 8)]).copy(head, 64);
    createHash("sha256").update(payload).digest().copy(head, 80);
    head.writeUInt32BE(type, 112);
    head.writeUInt32BE(payload.length, HEADER);
    this.#write(2, Buffer.concat([head, payload]));
  }

  #received(bytes: Buffer): void {
    const kind = bytes.subarray(4, 36).toString().replaceAll("\0", "").trim();
    if (kind !== "input_stream_data") return;
    const sequence = Number(bytes.readBigInt64BE(48));
    const id = Buffer.concat([bytes.subarray(72, 80), bytes.subarray(64, 72)]).toString("hex");
    const acknowledged = {
      AcknowledgedMessageType: kind,
      AcknowledgedMessageId: id.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
      AcknowledgedMessageSequenceNumber: sequence,
      IsSequentialMessage: true,
    };
    this.#message("acknowledge", 0, Buffer.from(JSON.stringify(acknowledged)));
    // What is not acknowledged in time comes twice.
    if (sequence !== this.#expected) return;
    this.#expected += 1;
    const payload = bytes.subarray(HEADER + 4);
    const type = bytes.readUInt32BE(112);
    if (type === PAYLOAD.handshakeResponse) {
      this.handshake = JSON.parse(payload.toString());
      this.#send(PAYLOAD.handshakeComplete, { HandshakeTimeToComplete: 1_000_000, CustomerMessage: "" });
    } else if (type === PAYLOAD.output) {
      this.#muxed = Buffer.concat([this.#muxed, payload]);
      while (this.#stream());
    } else if (type === PAYLOAD.flag) this.end();
  }

  /** One frame of smux: version, command, length and stream, in little endian. */
  #stream(): boolean {
    const bytes = this.#muxed;
    if (bytes.length < 8) return false;
    const [length, id] = [bytes.readUInt16LE(2), bytes.readUInt32LE(4)];
    if (bytes.length < 8 + length) return false;
    const data = bytes.subarray(8, 8 + length);
    this.#muxed = bytes.subarray(8 + length);
    if (bytes[0] !== 1) throw new Error(`smux of version ${bytes[0]}, which the agent does not speak`);
    if (bytes[1] === SMUX.open) this.#connect(id);
    else if (bytes[1] === SMUX.data) this.#open.get(id)?.write(data);
    else if (bytes[1] === SMUX.close) this.#open.get(id)?.end();
    return true;
  }

  #connect(id: number): void {
    this.streams += 1;
    const socket = connect(this.#port, "127.0.0.1").on("error", () => {});
    this.#open.set(id, socket);
    socket.on("data", (chunk: Buffer) => this.#mux(SMUX.data, id, chunk));
    socket.on("close", () => {
      this.#open.delete(id);
      this.#mux(SMUX.close, id, Buffer.alloc(0));
    });
  }

  #mux(command: number, id: number, data: Buffer): void {
    const head = Buffer.alloc(8);
    head.writeUInt8(1, 0);
    head.writeUInt8(command, 1);
    for (let at = 0; at === 0 || at < data.length; at += CHUNK) {
      const part = data.subarray(at, at + CHUNK);
      head.writeUInt16LE(part.length, 2);
      head.writeUInt32LE(id, 4);
      this.#send(PAYLOAD.output, Buffer.concat([head, part]));
    }
  }
}
