/** The way to a rented builder: AWS's own plugin, compiled from its Go module, with a service and an agent that are stand-ins. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { StartSessionCommand, TerminateSessionCommand } from "@aws-sdk/client-ssm";
import { home } from "../../home.ts";
import type { AwsClients } from "../../tools/hosts/aws/clients.ts";
import { openTunnel } from "../../tools/rented/tunnel.ts";
import { ensureTools } from "../../tools/toolchain/toolchain.ts";
import { running, until } from "../support/running.ts";
import { type SsmAgent, startSsmAgent } from "./support/ssm-agent.ts";

/** What listens on the instance: it says everything back. */
const echo = createServer((socket) => socket.on("error", () => {}).pipe(socket));
let agent: SsmAgent;
let plugin = "";
const TOKEN = "the-token-of-the-session";

before(async () => {
  const tools = await ensureTools(home, ["session-manager-plugin"]);
  plugin = tools["session-manager-plugin"]?.path ?? "";
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  agent = await startSsmAgent((echo.address() as AddressInfo).port);
  // Nobody's own login, nor a question to an instance that this is not.
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_EC2_METADATA_DISABLED: "true",
  });
});
after(() => {
  agent?.close();
  echo.close();
});

/** A tunnel, with what was asked of Systems Manager. */
function tunnel(instance: string) {
  const asked: (StartSessionCommand | TerminateSessionCommand)[] = [];
  let count = 0;
  const send = async (command: StartSessionCommand | TerminateSessionCommand) => {
    asked.push(command);
    count += 1;
    const id = `${instance}-${count}`;
    return { SessionId: id, StreamUrl: `${agent.url}/${id}?role=publish_subscribe`, TokenValue: TOKEN };
  };
  const clients = { ssm: { send } } as unknown as AwsClients;
  return { asked, open: openTunnel(plugin, { instance, region: "us-east-1" }, clients) };
}

/** Sends bytes through a port and reads as many. */
async function thereAndBack(port: number, bytes: Buffer): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes)).once("error", reject);
    socket.on("data", (part: Buffer) => {
      parts.push(part);
      if (Buffer.concat(parts).length < bytes.length) return;
      socket.destroy();
      resolve(Buffer.concat(parts));
    });
    socket.once("close", () => resolve(Buffer.concat(parts)));
  });
}

test("several connections through one session, byte for byte", async (t) => {
  const { open, asked } = tunnel("i-several");
  t.after(() => open.close());
  const port = await open.port();
  assert.equal(await open.port(), port);
  const sent = [randomBytes(300_000), randomBytes(40), randomBytes(50_000)];
  const back = await Promise.all(sent.map((bytes) => thereAndBack(port, bytes)));
  for (const [index, bytes] of sent.entries()) assert.ok(back[index]?.equals(bytes), `${index}`);
  const [session] = agent.sessions;
  assert.equal(session?.streams, 3);
  assert.equal(session?.opened.TokenValue, TOKEN);
  assert.deepEqual(session?.handshake?.ProcessedClientActions, [
    { ActionType: "SessionType", ActionStatus: 1, ActionResult: null, Error: "" },
  ]);
  assert.equal(asked.length, 1);
  const [start] = asked;
  assert.ok(start instanceof StartSessionCommand);
  assert.equal(start.input.Target, "i-several");
});

test("nobody reads the session's token off the plugin's arguments", async (t) => {
  const { open } = tunnel("i-secret");
  t.after(() => open.close());
  await open.port();
  const pids = readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("i-secret");
    } catch {
      return false;
    }
  });
  assert.equal(pids.length, 1);
  assert.ok(!readFileSync(`/proc/${pids[0]}/cmdline`, "utf8").includes(TOKEN));
});

test("a session that ends is followed by another; the end of the builder ends it for good", async () => {
  const { open, asked } = tunnel("i-ends");
  const first = await open.port();
  agent.sessions.at(-1)?.end();
  await until(() => running("i-ends") === 0, 20);
  let second = first;
  for (let tries = 0; second === first && tries < 100; tries++) {
    second = await open.port();
    if (second === first) await sleep(50);
  }
  const bytes = randomBytes(2_000);
  assert.ok((await thereAndBack(second, bytes)).equals(bytes));
  const left = () =>
    readdirSync(tmpdir()).filter((file) => file.endsWith("_session_manager_plugin_mux.sock"));
  const before = left().length;
  open.close();
  await until(() => running("i-ends") === 0, 20);
  assert.equal(left().length, before - 1, "it leaves its socket behind");
  const last = asked.at(-1);
  assert.ok(last instanceof TerminateSessionCommand);
  assert.equal(last.input.SessionId, "i-ends-2");
  await assert.rejects(open.port(), /the builder has ended/);
});
