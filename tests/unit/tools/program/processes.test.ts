import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { test } from "node:test";
import {
  commandLine,
  findProcess,
  identify,
  isSame,
  listenerOf,
  listeningInodes,
  parentOf,
  parseStat,
  terminateProcess,
} from "../../../../tools/program/processes.ts";

test("a program's name with spaces and parentheses does not shift the fields", () => {
  const after = ["S", "1", ...Array(17).fill("0"), "4711", "0"].join(" ");
  assert.deepEqual(parseStat(9, `9 (a) (b c) ${after}`), { pid: 9, started: 4711 });
});

test("a zombie is no process", () => {
  const after = ["Z", "1", ...Array(17).fill("0"), "4711", "0"].join(" ");
  assert.equal(parseStat(9, `9 (x) ${after}`), undefined);
});

test("this process is known by pid and start, and another start with its pid is somebody else", () => {
  const me = identify(process.pid);
  assert.ok(me && isSame(me));
  assert.equal(isSame({ ...me, started: me.started + 1 }), false);
  assert.equal(identify(2 ** 22 + 1), undefined);
  assert.equal(parentOf(process.pid), process.ppid);
  assert.match(commandLine(process.pid)[0] ?? "", /node/);
});

test("only listening sockets of exactly that port count", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1",
    "   1: 0100007F:1388 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1",
    "   2: 0100007F:9999 0100007F:1388 0A 00000000:00000000 00:00000000 00000000     0        0 333 1",
  ].join("\n");
  assert.deepEqual(listeningInodes(table, 5000), ["111"]);
});

test("the listener of a port is found", async (context) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  assert.equal(listenerOf(address.port), process.pid);
});

test("a process is found by its arguments; of several, the one that started the others", async () => {
  const word = `strata-find-${process.pid}`;
  const script = `/bin/sh -c "echo ready; read line; exit 0" ${word}; exit 0`;
  const child = spawn("/bin/sh", ["-c", script, word]);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  assert.equal(
    findProcess((args) => args.at(-1) === word),
    child.pid,
  );
  child.stdin.end();
  await ended;
  assert.equal(
    findProcess((args) => args.at(-1) === word),
    undefined,
  );
});

test("a process that ignores SIGTERM is killed, and one that has ended is left alone", async () => {
  const child = spawn("/bin/sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const identity = identify(child.pid ?? 0);
  assert.ok(identity);
  const gone = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  await terminateProcess(identity, 200);
  assert.equal(await gone, "SIGKILL");
  await terminateProcess(identity, 200);
});
