/** Who gets in by SSH, and what is said to whom does not: against a server by ssh2, with OpenSSH's own agent. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import ssh2, { type ParsedKey } from "ssh2";
import { HostTrouble } from "../../../../tools/hosts/machine.ts";
import { connectSsh } from "../../../../tools/hosts/ssh.ts";
import { temporaryFolder } from "../../support/folder.ts";

const { Server, utils } = ssh2;
const pair = () => utils.generateKeyPairSync("ed25519");
const [hostPair, mine, strange] = [pair(), pair(), pair()];
const hostKey = hostPair.public.split(" ").slice(0, 2).join(" ");

/** The port of a machine that lets `mine` in and nobody else. */
async function machine(t: TestContext): Promise<number> {
  const allowed = utils.parseKey(mine.public) as ParsedKey;
  const server = new Server({ hostKeys: [hostPair.private] }, (client) => {
    client.on("error", () => {});
    client.on("authentication", (attempt) => {
      const isMine =
        attempt.method === "publickey" && attempt.key.data.equals(allowed.getPublicSSH() as Buffer);
      if (isMine) attempt.accept();
      else attempt.reject(["publickey"]);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as unknown as AddressInfo).port;
}

/** Takes the place of the agent that this process may have. */
function agentAt(t: TestContext, socket: string | undefined): void {
  const before = process.env.SSH_AUTH_SOCK;
  const set = (value: string | undefined) => {
    if (value === undefined) delete process.env.SSH_AUTH_SOCK;
    else process.env.SSH_AUTH_SOCK = value;
  };
  set(socket);
  t.after(() => set(before));
}

/** The socket of an agent with these private keys. */
async function startAgent(t: TestContext, ...keys: string[]): Promise<string> {
  const folder = temporaryFolder(t);
  const socket = join(folder, "agent");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  const ended = new Promise((resolve) => agent.once("exit", resolve));
  t.after(async () => {
    if (agent.kill()) await ended;
  });
  for (let tries = 0; !existsSync(socket) && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const [index, key] of keys.entries()) {
    const file = join(folder, String(index));
    writeFileSync(file, key, { mode: 0o600 });
    execFileSync("ssh-add", ["-q", file], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  }
  return socket;
}

function whyNoAgent(): string | undefined {
  try {
    execFileSync("sh", ["-c", "command -v ssh-agent && command -v ssh-add"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "there is no ssh-agent (Debian: openssh-client)";
  }
}
const skip = whyNoAgent() ?? false;

async function refused(port: number, more: { privateKey?: string; hostKey?: string } = {}): Promise<string> {
  const access = { address: "127.0.0.1", port, user: "ci", hostKey, ...more };
  const answer = await connectSsh(access).then(
    async (machine) => {
      await machine.close();
      return "let in";
    },
    (error: unknown) => error,
  );
  assert.ok(answer instanceof HostTrouble, String(answer));
  return answer.message.replaceAll(String(port), "PORT");
}

test("the right key gets in, as one's own and by an agent that has others too", { skip }, async (t) => {
  const port = await machine(t);
  const access = { address: "127.0.0.1", port, user: "ci", hostKey };
  await (await connectSsh({ ...access, privateKey: mine.private })).close();
  agentAt(t, await startAgent(t, strange.private, mine.private));
  await (await connectSsh(access)).close();
});

test("no agent, one that is gone, and one without keys are told apart from a refusal", {
  skip,
}, async (t) => {
  const port = await machine(t);
  const none = "nothing to log in to 127.0.0.1:PORT with: strata:host.privateKey is not set, and";
  agentAt(t, undefined);
  assert.equal(await refused(port), `${none} no SSH agent runs (SSH_AUTH_SOCK is not set)`);
  const gone = join(temporaryFolder(t), "gone");
  process.env.SSH_AUTH_SOCK = gone;
  const told = await refused(port);
  assert.ok(told.startsWith(`${none} the SSH agent of SSH_AUTH_SOCK, ${gone}, does not answer (`), told);
  process.env.SSH_AUTH_SOCK = await startAgent(t);
  assert.equal(await refused(port), `${none} the SSH agent has no key (ssh-add -l)`);
  process.env.SSH_AUTH_SOCK = await startAgent(t, strange.private);
  assert.equal(await refused(port), "127.0.0.1:PORT refuses every key of the SSH agent for ci");
  assert.equal(await refused(port, { privateKey: strange.private }), "127.0.0.1:PORT refuses the key of ci");
});

test("an agent that goes away while somebody logs in is told, and nothing else ends", { skip }, async (t) => {
  const port = await machine(t);
  // It names its key, and closes the connection when it is to sign: as an agent does that is locked or ended.
  const folder = temporaryFolder(t);
  const { createServer } = await import("node:net");
  const key = (utils.parseKey(mine.public) as ParsedKey).getPublicSSH() as Buffer;
  const length = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const list = Buffer.concat([Buffer.from([12]), length(1), length(key.length), key, length(0)]);
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      if (data[4] === 11) socket.write(Buffer.concat([length(list.length), list]));
      else socket.destroy();
    });
  });
  const path = join(folder, "agent");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
  agentAt(t, path);
  assert.match(await refused(port), /^nobody logged in to 127\.0\.0\.1:PORT: the SSH agent does not sign \(/);
});

test("a host key that is revoked is refused, whatever else is said of it", async (t) => {
  const port = await machine(t);
  const told = await refused(port, {
    privateKey: mine.private,
    hostKey: `gpu ${hostKey}\n@revoked * ${hostKey}`,
  });
  assert.equal(
    told,
    "127.0.0.1:PORT shows a host key that strata:host.hostKey marks @revoked, and got nothing",
  );
  const other = strange.public.split(" ").slice(0, 2).join(" ");
  assert.match(
    await refused(port, { privateKey: mine.private, hostKey: other }),
    /another host key than strata:host\.hostKey says/,
  );
});
