import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client, type ConnectConfig } from "ssh2";

/** A key pair of OpenSSH's. */
export interface KeyPair {
  readonly privateKey: string;
  /** Its line of authorized_keys. */
  readonly publicKey: string;
}

export function makeKey(folder: string, name: string): KeyPair {
  const file = join(folder, name);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", `${name}@strata-test`, "-f", file]);
  return {
    privateKey: readFileSync(file, "utf8"),
    publicKey: readFileSync(`${file}.pub`, "utf8").trim(),
  };
}

/** What comes of a try to get in: what the command wrote, or the methods that the server would still take. */
export type Entry = { readonly output: string } | { readonly refused: readonly string[] };

/** One try to get in as `user`, with a key or with a password, which is also given where the server asks in words. */
export function enter(
  address: string,
  user: string,
  secret: { readonly privateKey: string } | { readonly password: string },
  command = "id -un",
): Promise<Entry> {
  const client = new Client();
  const config: ConnectConfig = {
    host: address,
    username: user,
    readyTimeout: 20_000,
    tryKeyboard: true,
    ...secret,
  };
  let left: readonly string[] = [];
  return new Promise<Entry>((resolve, reject) => {
    client.on("keyboard-interactive", (_name, _instructions, _language, prompts, finish) =>
      finish(prompts.map(() => ("password" in secret ? secret.password : ""))),
    );
    client.on("error", (error: Error & { level?: string }) =>
      error.level === "client-authentication" ? resolve({ refused: left }) : reject(error),
    );
    client.on("ready", () =>
      client.exec(command, (error, stream) => {
        if (error) return reject(error);
        let output = "";
        stream.on("data", (chunk: Buffer) => {
          output += chunk;
        });
        stream.stderr.on("data", (chunk: Buffer) => {
          output += chunk;
        });
        return stream.on("close", () => resolve({ output: output.trim() }));
      }),
    );
    config.authHandler = triesOf(user, secret, (methods) => {
      left = methods;
    });
    client.connect(config);
  }).finally(() => client.end());
}

/** Everything that fits the secret, and notes what the server says that it takes. */
function triesOf(
  user: string,
  secret: { readonly privateKey: string } | { readonly password: string },
  note: (methods: readonly string[]) => void,
): NonNullable<ConnectConfig["authHandler"]> {
  const tries = "privateKey" in secret ? ["publickey"] : ["none", "password", "keyboard-interactive"];
  return ((methods: readonly string[] | null, _partial: boolean, next: (method: unknown) => void) => {
    if (methods) note(methods);
    const type = tries.shift();
    if (type === undefined) return next(false);
    if (type === "publickey" && "privateKey" in secret)
      return next({ type, username: user, key: secret.privateKey });
    if (type === "password" && "password" in secret)
      return next({ type, username: user, password: secret.password });
    return next(type);
  }) as NonNullable<ConnectConfig["authHandler"]>;
}
