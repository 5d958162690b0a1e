import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { keepAuthority } from "../../../../oci/access/logins.ts";
import { identify } from "../../../../tools/program/processes.ts";
import { readAuthorities } from "../../../../tools/services/authorities.ts";
import { buildkitdConfig, buildkitdDaemon } from "../../../../tools/services/buildkitd.ts";
import {
  type Daemon,
  ensureDaemon,
  isStrataProcess,
  occupantOf,
  stopDaemon,
} from "../../../../tools/services/daemon.ts";
import { askLoopback } from "../../../../tools/services/loopback.ts";
import { registryConfig } from "../../../../tools/services/registry-process.ts";
import { freePort } from "../../../support/port.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** A web server whose configuration is a file with its port. */
const PROGRAM = `
const port = Number(require("node:fs").readFileSync(process.argv[2], "utf8").trim().split(" ")[0]);
if (!port) { console.error("no port in the configuration"); process.exit(3); }
require("node:http").createServer((_, answer) => answer.end("fine")).listen(port, "127.0.0.1");
`;

/** Milliseconds for what comes for sure, however busy the machine is. */
const patience = 60_000;

async function surroundings(context: TestContext) {
  // What ends it comes before what removes its folder, where its pid file is.
  context.after(() => stopDaemon(home, "web", "web.conf", patience));
  const home = homeAt(temporaryFolder(context));
  const program = join(home.root, "program.cjs");
  writeFileSync(program, PROGRAM);
  const port = await freePort();
  const daemon: Daemon = {
    name: "web",
    program: process.execPath,
    args: (config) => [program, config],
    configFile: "web.conf",
    config: `${port}\n`,
    place: `port ${port}`,
    healthy: async () =>
      (await askLoopback(`127.0.0.1:${port}`, "/", { timeout: patience }))?.body === "fine",
    patience,
  };
  const pid = () => JSON.parse(readFileSync(join(home.run, "web.pid"), "utf8")).pid as number;
  return { home, daemon, port, pid };
}

test("a daemon is started once, again when dead, and anew for another configuration", async (context) => {
  const { home, daemon, port, pid } = await surroundings(context);
  assert.equal(await ensureDaemon(home, daemon), true);
  const first = pid();
  assert.equal(await ensureDaemon(home, daemon), false);
  assert.equal(pid(), first);

  process.kill(first, "SIGKILL");
  while (identify(first)) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await ensureDaemon(home, daemon), true);
  const second = pid();
  assert.notEqual(second, first);

  assert.equal(await ensureDaemon(home, { ...daemon, config: `${port} changed\n` }), true);
  assert.equal(identify(second), undefined);

  assert.equal(await stopDaemon(home, "web", "web.conf", patience), true);
  assert.equal(await stopDaemon(home, "web", "web.conf", patience), false);
  assert.equal((await occupantOf(home, "web", "web.conf", port)).kind, "nobody");
});

test("a sound daemon that may not be replaced now goes on as it is", async (context) => {
  const { home, daemon, port, pid } = await surroundings(context);
  const wary = { ...daemon, beforeReplacing: () => Promise.reject(new Error("somebody builds")) };
  await ensureDaemon(home, wary);
  const running = pid();
  assert.equal(await ensureDaemon(home, wary), false);
  await assert.rejects(ensureDaemon(home, { ...wary, config: `${port} changed\n` }), /somebody builds/);
  assert.ok(identify(running));
  assert.equal(await ensureDaemon(home, wary), false);
});

test("a daemon whose pid file was lost is taken over, not started twice", async (context) => {
  const { home, daemon, port, pid } = await surroundings(context);
  await ensureDaemon(home, daemon);
  const running = pid();
  writeFileSync(join(home.run, "web.pid"), "");
  assert.deepEqual(await occupantOf(home, "web", "web.conf", port), { kind: "ours" });
  assert.equal(pid(), running);
  // One on a socket has no port to be found by.
  writeFileSync(join(home.run, "web.pid"), "");
  assert.equal(await ensureDaemon(home, daemon), false);
  assert.equal(pid(), running);
  assert.equal(await ensureDaemon(home, daemon), false);
});

test("a pid file that names somebody else's process harms nobody", async (context) => {
  const { home } = await surroundings(context);
  mkdirSync(home.run, { recursive: true });
  const me = identify(process.pid);
  writeFileSync(join(home.run, "web.pid"), JSON.stringify({ ...me, program: "x" }));
  assert.equal(await stopDaemon(home, "web", "web.conf", 100), false);
  assert.ok(identify(process.pid));
});

test("a stranger on the port is described", async (context) => {
  const { home } = await surroundings(context);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  const occupant = await occupantOf(home, "web", "web.conf", address.port);
  assert.ok(occupant.kind === "stranger" && occupant.description.startsWith(`process ${process.pid} (`));
});

test("who only reads a daemon's configuration is not taken for it", async (context) => {
  const { home, daemon } = await surroundings(context);
  await ensureDaemon(home, daemon);
  await stopDaemon(home, "web", "web.conf", patience);
  const reader = spawn("tail", ["-f", join(home.run, "web.conf")]);
  context.after(() => reader.kill());
  await once(reader.stdout, "data");
  assert.equal(await ensureDaemon(home, daemon), true);
  assert.ok(identify(reader.pid ?? 0));
});

test("a daemon that does not start shows the end of its log", async (context) => {
  const { home, daemon } = await surroundings(context);
  await assert.rejects(
    ensureDaemon(home, { ...daemon, config: "nothing\n" }),
    /web: did not start: it ended with exit code 3\. [\s\S]*no port in the configuration/,
  );
});

test("a process is ours by its configuration file", () => {
  assert.equal(isStrataProcess(["buildkitd", "--config", "/h/run/b.toml"], "/h/run/b.toml"), true);
  assert.equal(isStrataProcess(["buildkitd", "--config=/h/run/b.toml"], "/h/run/b.toml"), true);
  assert.equal(isStrataProcess(["buildkitd", "--config", "/other/run/b.toml"], "/h/run/b.toml"), false);
  assert.equal(isStrataProcess([], "/h/run/b.toml"), false);
});

test("the registry listens on loopback for one login, the builder on its socket, and it speaks HTTP to our registry only", () => {
  const home = homeAt("/h");
  assert.match(registryConfig(home, 5001), /^ {2}addr: 127\.0\.0\.1:5001$/m);
  assert.match(
    registryConfig(home, 5001),
    /^auth:\n {2}htpasswd:\n {4}realm: strata\n {4}path: "\/h\/run\/registry\.htpasswd"$/m,
  );
  const config = buildkitdConfig(home, "/h/run/b.sock", "/usr/sbin/runc", {
    gcGigabytes: 12,
    registry: "127.0.0.1:5001",
    authorities: [],
  });
  assert.deepEqual(config.match(/^ {2}address = .*$/gm), ['  address = ["unix:///h/run/b.sock"]']);
  assert.match(config, /maxUsedSpace = "12GB"/);
  // Checkouts and compiler caches stay until the rule that names no kind: stages come again from the registry.
  const rules = config.split("[[worker.oci.gcpolicy]]").slice(1);
  assert.deepEqual(
    rules.map((rule) => /filters = (.*)/.exec(rule)?.[1]),
    ['["type==source.local"]', '["type==regular", "type==source.local"]', undefined, undefined],
  );
  assert.match(rules[1] ?? "", /maxUsedSpace = "10200MB"/);
  // A disk that gets short is emptied earlier, of contexts aside, which are small anyway.
  assert.deepEqual(
    rules.map((rule) => /minFreeSpace = (.*)/.exec(rule)?.[1]),
    [undefined, ...Array.from({ length: 3 }, () => '"10GB"')],
  );
  assert.ok(config.indexOf('binary = "/usr/sbin/runc"') < config.indexOf("gcpolicy"), "a key of the worker");
  assert.deepEqual(config.match(/\[registry\..*\]/g), ['[registry."127.0.0.1:5001"]']);
});

test("the builder trusts registries by their own authorities, and another authority is another configuration", async (t) => {
  const home = homeAt(temporaryFolder(t));
  const configured = async () => {
    const settings = { gcGigabytes: 12, registry: "127.0.0.1:5001" };
    return buildkitdConfig(home, "/h/run/b.sock", "/r", {
      ...settings,
      authorities: await readAuthorities(home),
    });
  };
  const before = await configured();
  await keepAuthority(home.logins, "reg.example:5443", "PEM");
  const trusting = await configured();
  const file = join(home.logins, "reg.example:5443", "ca.pem");
  assert.ok(trusting.startsWith(before));
  assert.match(trusting, /\[registry\."reg\.example:5443"\]\n {2}http = false\n {2}ca = \["(.*)"\]\n$/);
  assert.ok(trusting.includes(`ca = [${JSON.stringify(file)}]`));
  await keepAuthority(home.logins, "reg.example:5443", "ANOTHER");
  assert.notEqual(await configured(), trusting);
  await keepAuthority(home.logins, "reg.example:5443", undefined);
  assert.equal(await configured(), before);
});

test("a builder's mounts lie in its own folder, which each start empties", async (context) => {
  const home = homeAt(temporaryFolder(context));
  const tool = (path: string) => ({ path, version: "1", source: "path" });
  const tools = { buildkitd: tool(process.execPath), buildctl: tool("/bin/false"), runc: tool("/bin/runc") };
  const settings = { gcGigabytes: 1, registry: "127.0.0.1:5000", authorities: [] };
  const daemon = buildkitdDaemon(home, tools, join(home.run, "b.sock"), settings);
  const folder = daemon.env?.TMPDIR ?? "";
  mkdirSync(join(folder, "buildkit-mount1"), { recursive: true });
  await daemon.beforeStart?.();
  assert.ok(folder.startsWith(home.buildkit));
  assert.deepEqual(readdirSync(folder), []);
});

test("what was left is cleared away before a daemon starts, and not under one that runs", async (context) => {
  const { home, daemon } = await surroundings(context);
  let cleared = 0;
  const clearing = { ...daemon, beforeStart: async () => void cleared++ };
  await ensureDaemon(home, clearing);
  await ensureDaemon(home, clearing);
  assert.equal(cleared, 1);
});
