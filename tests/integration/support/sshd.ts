import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../support/port.ts";

/** An sshd of one's own on a free loopback port, with generated keys, for this user. */
export interface Sshd {
  readonly port: number;
  readonly user: string;
  /** The line of known_hosts, without a name. */
  readonly hostKey: string;
  readonly privateKey: string;
  /** Cuts every connection that is open, as a network would. */
  cut(): void;
  stop(): Promise<void>;
}

/** Where Debian keeps it; not on everybody's PATH. */
const PROGRAM = "/usr/sbin/sshd";

/** Why there can be no sshd here; undefined where there can. */
export function whyNoSshd(): string | undefined {
  if (!existsSync(PROGRAM)) return `there is no ${PROGRAM} (Debian: openssh-server)`;
  return userInfo().uid === 0 ? undefined : "sshd and podman run as root here";
}

/** @param path of the commands that it runs */
export async function startSshd(folder: string, path: string): Promise<Sshd> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync("/run/sshd", { recursive: true });
  const key = (name: string) => {
    const file = join(folder, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
    return file;
  };
  const [host, client] = [key("host"), key("client")];
  const authorized = join(folder, "authorized_keys");
  writeFileSync(authorized, readFileSync(`${client}.pub`));
  chmodSync(authorized, 0o600);
  const port = await freePort();
  const config = join(folder, "sshd_config");
  writeFileSync(
    config,
    [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${host}`,
      `AuthorizedKeysFile ${authorized}`,
      `PidFile ${join(folder, "pid")}`,
      `SetEnv PATH=${path}`,
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "UsePAM no",
      "StrictModes no",
      "",
    ].join("\n"),
  );
  const daemon = spawn(PROGRAM, ["-D", "-e", "-f", config], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  daemon.stderr.on("data", (chunk) => {
    log += chunk;
  });
  for (let tries = 0; !(await listens(port)); tries++) {
    if (tries > 100) throw new Error(`sshd does not listen:\n${log}`);
    await sleep(50);
  }
  return {
    port,
    user: userInfo().username,
    hostKey: readFileSync(`${host}.pub`, "utf8").trim(),
    privateKey: readFileSync(client, "utf8"),
    cut() {
      // Its children serve one connection each.
      const children = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, "utf8").trim();
      for (const child of children.split(" ").filter(Boolean)) process.kill(Number(child), "SIGKILL");
    },
    async stop() {
      const ended = new Promise((resolve) => daemon.once("exit", resolve));
      if (daemon.kill()) await ended;
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
