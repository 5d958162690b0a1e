import { connect } from "node:net";
import { Client, type ConnectConfig, type ServerHostKeyAlgorithm } from "ssh2";
import { parseHostKeys } from "../../lib/hosts/host-keys.ts";
import type { SshSetting } from "../../lib/hosts/host-setting.ts";
import {
  type CommandEnd,
  gather,
  HostTrouble,
  limited,
  type Machine,
  quoted,
  type RunOptions,
} from "./machine.ts";

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

export type SshAccess = Pick<SshSetting, "address" | "port" | "user" | "hostKey"> & {
  /** PEM or OpenSSH form, without a passphrase; undefined takes the keys of the running agent. */
  readonly privateKey?: string | undefined;
};

/**
 * Connects to a machine. Its host key has to be the one that was given; the private key stays in memory.
 *
 * @throws HostTrouble when it cannot be reached, is another machine or refuses the key
 */
export async function connectSsh(access: SshAccess, signal?: AbortSignal): Promise<SshMachine> {
  const client = new Client();
  const keys = parseHostKeys(access.hostKey);
  const hostKeyAlgorithms = (keys?.types ?? []).flatMap((type) => algorithms[type] ?? []);
  let isOther = false;
  const config: ConnectConfig = {
    host: access.address,
    port: access.port,
    username: access.user,
    ...(access.privateKey ? { privateKey: access.privateKey } : { agent: process.env.SSH_AUTH_SOCK ?? "" }),
    ...(hostKeyAlgorithms.length > 0 ? { algorithms: { serverHostKey: hostKeyAlgorithms } } : {}),
    hostVerifier: (key: Buffer) => {
      isOther = !keys?.accepts(key);
      return !isOther;
    },
    readyTimeout: CONNECT_MS,
    keepaliveInterval: KEEPALIVE_MS,
  };
  const name = `${access.address}:${access.port}`;
  const ready = new Promise<void>((resolve, reject) => {
    client.once("ready", resolve);
    client.once("error", (error) => reject(refusal(error, isOther, access)));
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

function refusal(error: Error & { level?: string }, isOther: boolean, { user, address, port }: SshAccess) {
  const name = `${address}:${port}`;
  if (isOther) {
    return new HostTrouble(
      `${name} has another host key than strata:host.hostKey says: it may be another machine, and got nothing`,
    );
  }
  if (error.level === "client-authentication") return new HostTrouble(`${name} refuses the key of ${user}`);
  if (/no matching host key/i.test(error.message)) {
    return new HostTrouble(`${name} has no host key of the kind that strata:host.hostKey gives`);
  }
  return new HostTrouble(`${name} cannot be reached: ${error.message}`);
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
