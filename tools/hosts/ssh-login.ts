import { createAgent } from "ssh2";
import type { HostKeys } from "../../lib/hosts/host-keys.ts";
import type { SshSetting } from "../../lib/hosts/host-setting.ts";
import { HostTrouble, limited } from "./machine.ts";

/** Milliseconds for an agent to name its keys. */
const AGENT_MS = 10_000;

export type SshAccess = Pick<SshSetting, "address" | "port" | "user" | "hostKey"> & {
  /** PEM or OpenSSH form, without a passphrase; undefined takes the keys of the running agent. */
  readonly privateKey?: string | undefined;
};

/** The socket of an agent that has a key. Throws HostTrouble: without one nobody can log in, whatever the machine says. */
export async function findAgent(name: string): Promise<string> {
  const socket = process.env.SSH_AUTH_SOCK;
  const none = `nothing to log in to ${name} with: strata:host.privateKey is not set, and`;
  if (!socket) throw new HostTrouble(`${none} no SSH agent runs (SSH_AUTH_SOCK is not set)`);
  const asked = new Promise<Error | number>((resolve) => {
    createAgent(socket).getIdentities((error, keys) => resolve(error ?? keys?.length ?? 0));
  });
  const found = await limited({ limitMs: AGENT_MS }, asked, () => {}).catch((error: Error) => error);
  if (found instanceof Error) {
    throw new HostTrouble(
      `${none} the SSH agent of SSH_AUTH_SOCK, ${socket}, does not answer (${found.message})`,
    );
  }
  if (found === 0) throw new HostTrouble(`${none} the SSH agent has no key (ssh-add -l)`);
  return socket;
}

/** What came before a connection failed. */
interface Handshake {
  readonly keys: HostKeys | undefined;
  /** The host key that the machine showed. */
  readonly shown: Buffer | undefined;
  readonly agentProblem: string | undefined;
}

/** Why nobody got in, told apart by whose doing it was. */
export function refusal(
  error: Error & { level?: string },
  { user, address, port, privateKey }: SshAccess,
  { keys, shown, agentProblem }: Handshake,
): HostTrouble {
  const name = `${address}:${port}`;
  if (shown && keys?.revokes(shown)) {
    return new HostTrouble(
      `${name} shows a host key that strata:host.hostKey marks @revoked, and got nothing`,
    );
  }
  if (shown && !keys?.accepts(shown)) {
    return new HostTrouble(
      `${name} has another host key than strata:host.hostKey says: it may be another machine, and got nothing`,
    );
  }
  if (error.level === "client-authentication" && agentProblem) {
    return new HostTrouble(`nobody logged in to ${name}: the SSH agent does not sign (${agentProblem})`);
  }
  if (error.level === "client-authentication") {
    return new HostTrouble(
      `${name} refuses ${privateKey ? `the key of ${user}` : `every key of the SSH agent for ${user}`}`,
    );
  }
  if (/no matching host key/i.test(error.message)) {
    return new HostTrouble(`${name} has no host key of the kind that strata:host.hostKey gives`);
  }
  return new HostTrouble(`${name} cannot be reached: ${error.message}`);
}
