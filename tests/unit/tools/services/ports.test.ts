import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import {
  decidePort,
  isFree,
  type Occupant,
  portFrom,
  startOnPort,
} from "../../../../tools/services/ports.ts";

const stranger: Occupant = { kind: "stranger", description: "process 7 (nginx)" };

/** Ports that are taken; all others are free. */
function taken(ports: { readonly [port: number]: Occupant }) {
  return async (port: number): Promise<Occupant> => ports[port] ?? { kind: "nobody" };
}

const wish = { variable: "STRATA_REGISTRY_PORT", chosen: undefined, recorded: undefined, preferred: 5000 };

test("the preferred port is taken when nobody has it, or we have it already", async () => {
  assert.deepEqual(await decidePort("registry", wish, taken({})), { port: 5000 });
  assert.deepEqual(await decidePort("registry", wish, taken({ 5000: { kind: "ours" } })), { port: 5000 });
});

test("a stranger on the preferred port moves the service, and it says so", async () => {
  const decision = await decidePort("registry", wish, taken({ 5000: stranger, 5001: stranger }));
  assert.equal(decision.port, 5002);
  assert.match(decision.moved ?? "", /5000 is in use by process 7 \(nginx\), so registry takes 5002/);
});

test("the choice beats the record, the record beats the preference", async () => {
  const recorded = { ...wish, recorded: 6000 };
  assert.equal((await decidePort("registry", recorded, taken({}))).port, 6000);
  assert.equal((await decidePort("registry", { ...recorded, chosen: 7000 }, taken({}))).port, 7000);
});

for (const fixed of [{ chosen: 5000 }, { recorded: 5000 }]) {
  test(`a stranger on the port that is ${Object.keys(fixed)[0]} is an error with holder and remedy`, async () => {
    await assert.rejects(
      decidePort("registry", { ...wish, ...fixed }, taken({ 5000: stranger })),
      /port 5000: is in use by process 7 \(nginx\)\. .*STRATA_REGISTRY_PORT=<port>/,
    );
  });
}

test("when everything is taken, that is said", async () => {
  await assert.rejects(
    decidePort("registry", wish, async () => stranger),
    /5000 to 5100: are all in use/,
  );
});

test("a port that somebody takes before the service starts is given up for another, unless it has to be that one", async () => {
  const ports: { [port: number]: Occupant } = {};
  const tried: number[] = [];
  const start = async (port: number) => {
    tried.push(port);
    if (port > 5000) return "up";
    ports[port] = stranger;
    throw new Error("address already in use");
  };
  const said: string[] = [];
  const started = await startOnPort("registry", wish, taken(ports), start, (text) => said.push(text));
  assert.deepEqual(started, { port: 5001, started: "up" });
  assert.deepEqual(tried, [5000, 5001]);
  assert.match(said.join("\n"), /5000 is in use by process 7 \(nginx\), so registry takes 5001/);
  delete ports[5000];
  const chosen = { ...wish, chosen: 5000 };
  await assert.rejects(startOnPort("registry", chosen, taken(ports), start, assert.fail), /already in use/);
});

test("a service that does not start for a reason of its own is not tried on other ports", async () => {
  const start = async (): Promise<never> => assert.fail("no space left");
  await assert.rejects(startOnPort("registry", wish, taken({}), start, assert.fail), /no space left/);
});

test("a port in the environment has to be one", () => {
  assert.equal(portFrom("P", { P: "5001" }), 5001);
  assert.equal(portFrom("P", {}), undefined);
  assert.equal(portFrom("P", { P: "" }), undefined);
  for (const text of ["0", "70000", "x", "1.5"]) {
    assert.throws(
      () => portFrom("P", { P: text }),
      new RegExp(`P: expected a port from 1 to 65535, got "${text}"`),
    );
  }
});

test("a port with a listener is not free", async (context) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  assert.equal(await isFree(address.port), false);
});
