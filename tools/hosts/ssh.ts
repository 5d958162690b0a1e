import { connect } from "node:net";
import { Client, type ConnectConfig, type ServerHostKeyAlgorithm } from "ssh2";
import { parseHostKeys } from "../../lib/hosts/host-keys.ts";
import {
  type CommandEnd,
  gather,
  HostTrouble,
  limited,
  type Machine,
  quoted,
  type RunOptions,
} from "./machine.ts";
import { findAgent, refusal, type SshAccess } from "./ssh-login.ts";

/** Milliseconds to connect and log in. */
const CONNECT_MS = 30_000;
/** A connection that was silent for three of these is lost. */
const KEEPALIVE_MS = 10_000;

/** What a key type of known_hosts is called in the handshake. */
const algorithms: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
};

/**
 * Connects to a machine. Its host key has to be the one that was given; the private key stays in memory.
 *
 * @throws HostTrouble when it cannot be reached, is another machine or refuses the key
 */
export async function connectSsh(access: SshAccess, signal?: AbortSignal): Promise<SshMachine> {
  const name = `${access.address}:${access.port}`;
  const login = access.privateKey ? { privateKey: access.privateKey } : { agent: await findAgent(name) };
  const client = new Client();
  const keys = parseHostKeys(access.hostKey);
  const hostKeyAlgorithms = (keys?.types ?? []).flatMap((type) => algorithms[type] ?? []);
  let shown: Buffer | undefined;
  let agentProblem: string | undefined;
  const config: ConnectConfig = {
    host: access.address,
    port: access.port,
    username: access.user,
    ...login,
    ...(hostKeyAlgorithms.length > 0 ? { algorithms: { serverHostKey: hostKeyAlgorithms } } : {}),
    hostVerifier: (key: Buffer) => {
      shown = key;
      return keys?.accepts(key) ?? false;
    },
    readyTimeout: CONNECT_MS,
    keepaliveInterval: KEEPALIVE_MS,
  };
  const ready = new Promise<void>((resolve, reject) => {
    client.once("ready", resolve);
    // One that nobody hears would end this program. An agent may fail with one key and not with the next.
    client.on("error", (error) => {
      if (error.level === "agent") agentProblem ??= error.message;
      else reject(refusal(error, access, { keys, shown, agentProblem }));
    });
    client.once("close", () => reject(new HostTrouble(`${name} closed the connection`)));
  });
  try {
    // A key that cannot be read is told by an exception.
    client.connect(config);
  } catch (error) {
    throw new HostTrouble(`the private key cannot be used: ${messageOf(error)}`);
  }
  await limited({ limitMs: 2 * CONNECT_MS, ...(signal ? { signal } : {}) }, ready, () => client.destroy());
  return new SshMachine(client, name, () => connectSsh(access));
}

/** A machine behind an open SSH connection. */
export class SshMachine implements Machine {
  readonly name: string;
  readonly reopen: () => Promise<Machine>;
  readonly #client: Client;
  #lost: string | undefined;
  readonly #onLost = new Set<() => void>();

  constructor(client: Client, name: string, reopen: () => Promise<Machine>) {
    this.#client = client;
    this.name = name;
    this.reopen = reopen;
    const lose = (reason: string) => {
      this.#lost ??= reason;
      for (const listener of this.#onLost) listener();
    };
    client.on("error", (error) => lose(`the connection to ${name} broke: ${error.message}`));
    client.on("close", () => lose(`the connection to ${name} broke`));
  }

  async run(words: readonly string[], options: RunOptions = {}): Promise<CommandEnd> {
    if (this.#lost) throw new HostTrouble(this.#lost);
    let listener = () => {};
    const lost = new Promise<never>((_, reject) => {
      listener = () => reject(new HostTrouble(this.#lost ?? ""));
      this.#onLost.add(listener);
    });
    lost.catch(() => {});
    try {
      return await limited(options, Promise.race([this.#run(words, options), lost]), () => {});
    } finally {
      this.#onLost.delete(listener);
    }
  }

  #run(words: readonly string[], { stdin, onLine }: RunOptions): Promise<CommandEnd> {
    return new Promise((resolve, reject) => {
      this.#client.exec(words.map(quoted).join(" "), (error, stream) => {
        if (error) {
          reject(new HostTrouble(`${this.name} runs no commands: ${error.message}`));
          return;
        }
        const stdout = gather(stream, onLine);
        const stderr = gather(stream.stderr);
        // A command that a signal ended has no status.
        let status = 128;
        stream.on("exit", (code: number | null) => {
          status = code ?? 128;
        });
        stream.on("close", () => {
          Promise.all([stdout, stderr]).then(
            ([out, err]) => resolve({ status, stdout: out, stderr: err.toString() }),
            reject,
          );
        });
        // A command that does not read its input is no failure.
        stream.on("error", () => {});
        stream.end(stdin);
      });
    });
  }

  /**
   * Lets the machine reach a port of this one under the same number of its own loopback address: what is in the local
   * registry can be pulled there. False where something listens there already, as when both are one machine.
   */
  async lend(port: number): Promise<boolean> {
    const done = new Promise<boolean>((resolve) => {
      this.#client.forwardIn("127.0.0.1", port, (error) => resolve(!error));
    });
    this.#client.on("tcp connection", (_, accept) => {
      const there = accept();
      const here = connect(port, "127.0.0.1");
      here.on("error", () => there.destroy());
      there.on("error", () => here.destroy());
      here.pipe(there).pipe(here);
    });
    return await limited({ limitMs: CONNECT_MS }, done, () => {});
  }

  async close(): Promise<void> {
    this.#client.end();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
