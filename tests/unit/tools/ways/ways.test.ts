/** Ways to a builder that answers as buildkitd does (gRPC over HTTP/2 and TLS), and to one whose packets are dropped. */
import assert from "node:assert/strict";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { askForWorkers, problemOf } from "../../../../tools/ways/ask-builder.ts";
import { tlsUpstream } from "../../../../tools/ways/dial.ts";
import { watchBuilder, watched } from "../../../../tools/ways/watch.ts";
import { openWay } from "../../../../tools/ways/way.ts";
import { makeAuthority } from "../../../support/certificates.ts";
import { temporaryFolder } from "../../support/folder.ts";

const authority = makeAuthority();
const server = authority.pair("b1", ["DNS:b1"]);
const client = { ...authority.pair("client"), ca: authority.ca, serverName: "b1" };

/** A stand-in for buildkitd 0.31.1: ListWorkers of api/services/control/control.proto, gRPC's frames and trailers. */
async function fakeBuildkitd(
  t: TestContext,
  { status = "0", message = Buffer.alloc(9), afterMs = 0 } = {},
): Promise<string> {
  const fake = createSecureServer({
    ...server,
    ca: authority.ca,
    requestCert: true,
    rejectUnauthorized: true,
  });
  fake.on("stream", (stream, headers) => {
    assert.equal(headers[":path"], "/moby.buildkit.v1.Control/ListWorkers");
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
    setTimeout(() => stream.end(message), afterMs);
  });
  return await listening(t, fake);
}

async function listening(t: TestContext, listener: Http2SecureServer | Server): Promise<string> {
  const open = new Set<Socket>();
  listener.on("connection", (socket: Socket) => open.add(socket.on("error", () => {})));
  t.after(() => {
    for (const socket of open) socket.destroy();
    listener.close();
  });
  await new Promise<void>((resolve) => {
    listener.listen(0, "127.0.0.1", resolve);
  });
  return `tcp://127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

/** A network in between, which carries everything or, once it is told to, nothing, and ends nothing: dropped packets. */
async function network(t: TestContext, to: string): Promise<{ address: string; drop: () => void }> {
  let drops = false;
  const port = Number(to.split(":").at(-1));
  const between = createServer((near) => {
    const far = connect(port, "127.0.0.1").on("error", () => {});
    near.on("error", () => {});
    near.on("data", (chunk) => drops || far.write(chunk)).on("close", () => drops || far.destroy());
    far.on("data", (chunk) => drops || near.write(chunk)).on("close", () => drops || near.destroy());
  });
  return {
    address: await listening(t, between),
    drop: () => {
      drops = true;
    },
  };
}

test("a builder that has a worker can be used", async (t) => {
  await askForWorkers(tlsUpstream(await fakeBuildkitd(t), client), 2_000);
});

test("what is wrong is said with its cause", async (t) => {
  const address = await fakeBuildkitd(t);
  const other = makeAuthority("another");
  const silent = await listening(t, createServer());
  const plain = await listening(
    t,
    createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  );
  const { cert: _, key: __, ...bare } = client;
  const cases: readonly (readonly [string, typeof bare & { cert?: string; key?: string }, RegExp])[] = [
    [address, { ...client, serverName: "b2" }, /for another name \(.*DNS:b1\)/],
    [address, { ...client, ca: other.ca }, /not of the authority in tls\.ca/],
    // Node's server says no more to a client that it does not know; what Go's says is in far-builders.test.ts.
    [address, { ...client, ...other.pair("client") }, /ends the connection at once/],
    [address, bare, /wants a certificate of its client/],
    [address, { ...client, key: other.pair("x").key }, /cannot be used .*key values mismatch/],
    [silent, client, /takes connections, and says nothing for 0\.5 s/],
    [plain, client, /speaks no TLS/],
    ["tcp://127.0.0.1:1", client, /refuses connections: nobody listens there/],
    ["tcp://nowhere.invalid:1", client, /has a name that nobody knows/],
    [await fakeBuildkitd(t, { message: Buffer.alloc(5) }), client, /without a worker/],
    [await fakeBuildkitd(t, { status: "12" }), client, /like no buildkitd \(gRPC status 12\)/],
  ];
  for (const [to, tls, problem] of cases) {
    const found = await problemOf(tlsUpstream(to, tls), 500);
    assert.match(found?.message ?? "nothing", problem);
  }
});

test("packets that are dropped in the middle: what waits is ended, and by then the builder is known as gone", async (t) => {
  const { address, drop } = await network(t, await fakeBuildkitd(t));
  const builder = watched(tlsUpstream(address, client));
  const socket = join(temporaryFolder(t), "way.sock");
  const way = await openWay(socket, [builder], () => assert.fail("nobody ended a connection"));
  const gone: string[] = [];
  const end = watchBuilder(builder, { everyMs: 200, patienceMs: 1_200 }, (_, problem) => gone.push(problem));
  t.after(() => {
    end();
    way.close();
  });
  const waiting = connect(socket).resume();
  const ended = new Promise((resolve) => waiting.once("close", resolve));
  while (builder.connections.size === 0) await sleep(10);
  await sleep(500);
  assert.equal(builder.gone, undefined, "a builder that answers is left alone");
  drop();
  await ended;
  assert.match(gone.join(), /^takes connections, and (says nothing|has not answered) for 0\.4 s$/);
  assert.equal(gone.length, 1);
  const next = connect(socket)
    .on("error", () => {})
    .resume();
  await new Promise((resolve) => next.once("close", resolve));
});

test("one that answers late is not gone: a busy machine takes longer than its questions are apart", async (t) => {
  const builder = watched(tlsUpstream(await fakeBuildkitd(t, { afterMs: 850 }), client));
  const gone: string[] = [];
  const end = watchBuilder(builder, { everyMs: 700, patienceMs: 2_000 }, (_, problem) => gone.push(problem));
  await sleep(5_000);
  end();
  assert.deepEqual(gone, []);
});

test("where one is gone, its way leads to another", async (t) => {
  const [first, second] = [await fakeBuildkitd(t), await fakeBuildkitd(t)].map((address) =>
    watched(tlsUpstream(address, client)),
  );
  assert.ok(first && second);
  const socket = join(temporaryFolder(t), "way.sock");
  const way = await openWay(socket, [first, second], () => {});
  t.after(() => way.close());
  const used = async () => {
    const one = connect(socket);
    while (first.connections.size + second.connections.size === 0) await sleep(5);
    const found = [first.connections.size, second.connections.size];
    one.destroy();
    while (first.connections.size + second.connections.size > 0) await sleep(5);
    return found;
  };
  assert.deepEqual(await used(), [1, 0]);
  first.gone = "does not answer";
  assert.deepEqual(await used(), [0, 1]);
});

test("a builder that ends a connection in use is to blame, a client that does is not", async (t) => {
  const far = new Set<Socket>();
  const listener = createServer((socket) => far.add(socket));
  await listening(t, listener);
  const { port } = listener.address() as AddressInfo;
  const plain = watched({
    shown: "plain",
    dial: async () => connect(port, "127.0.0.1").on("error", () => {}),
  });
  const broken: string[] = [];
  const socket = join(temporaryFolder(t), "way.sock");
  const way = await openWay(socket, [plain], (_, problem) => broken.push(problem));
  t.after(() => way.close());
  const one = connect(socket);
  while (far.size < 1) await sleep(5);
  one.end();
  while (plain.connections.size > 0) await sleep(5);
  assert.deepEqual(broken, []);
  const other = connect(socket).resume();
  while (far.size < 2) await sleep(5);
  [...far][1]?.resetAndDestroy();
  await new Promise((resolve) => other.once("close", resolve));
  assert.deepEqual(broken, ["ended its connections, as one does that is stopped or killed"]);
});
