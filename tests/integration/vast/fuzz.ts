/** A fuzz of the door: whatever is sent, a service behind it that writes down what reaches it stays alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { doors, type Instance } from "../support/vast/container.ts";
import { type Proof, recorded, recorderOf } from "../support/vast/proof.ts";
import { type Door, say, statuses } from "../support/vast/raw.ts";
import { request } from "../support/vast/requests.ts";

/** What the recorder answers: seen here, a request went through. */
const REACHED = "RECORDED";
const RUNS = 400;

export function fuzzTests(proof: () => Proof, skip: string | false): void {
  test("the recorder sees who has the login, and it is open where the user wants that", {
    skip,
  }, async () => {
    const { instance } = await proof().shared();
    const { guarded, open } = doorsOf(instance);
    assert.deepEqual(statuses(await say(guarded, get(guarded, ""))), [401]);
    assert.deepEqual(await recordings(instance, recorded.guarded), []);
    assert.match(await say(guarded, get(guarded, `Authorization: Bearer ${proof().token}\r\n`)), /RECORDED/);
    const [seen = "", ...others] = await recordings(instance, recorded.guarded);
    assert.match(seen, /^GET \/probe HTTP\/1\.1\r\n/);
    assert.deepEqual(others, []);
    // What opens the door is the door's alone.
    assert.ok(!seen.includes(proof().token), seen);
    assert.match(await say(open, get(open, "")), /RECORDED/);
  });

  for (const tls of [true, false]) {
    test(`no request gets past the login, ${tls ? "under TLS" : "in clear"}`, { skip }, async () => {
      const { instance } = await proof().shared();
      const door = { ...doorsOf(instance).guarded, tls };
      const before = await recordings(instance, recorded.guarded);
      const { token, password } = proof();
      const told: number[] = [];
      await fc.assert(
        fc.asyncProperty(request([token, password], door.port), async (text) => {
          const answer = await say(door, text, 60, 2);
          assert.ok(!answer.includes(REACHED), JSON.stringify(text));
          told.push(...statuses(answer).slice(0, 1));
        }),
        { numRuns: tls ? RUNS : RUNS / 4 },
      );
      // Many were whole requests that the login itself has judged, or that were led to HTTPS.
      const judged = told.filter((status) => (tls ? [401, 403, 429] : [301, 302, 307, 308]).includes(status));
      assert.ok(judged.length > told.length / 10, JSON.stringify(told));
      // One that was answered with something else, or came in with another, is there as well.
      assert.deepEqual(await recordings(instance, recorded.guarded), before);
    });
  }

  test("no bytes get past the login, and the door stays", { skip }, async () => {
    const { instance } = await proof().shared();
    const { guarded } = doorsOf(instance);
    const before = await recordings(instance, recorded.guarded);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, tls) => {
        assert.ok(!(await say({ ...guarded, tls }, Buffer.from(bytes), 60, 0.3)).includes(REACHED));
      }),
      { numRuns: RUNS / 4 },
    );
    assert.deepEqual(await recordings(instance, recorded.guarded), before);
    const caddy = (await instance.services()).caddy;
    assert.equal(caddy?.state, "RUNNING");
    for (const port of Object.values(doors)) {
      const door = { ...guarded, port };
      assert.match(await say(door, get(door, "")), /^HTTP\/1\.1 (401|429)/, String(port));
    }
  });
}

function doorsOf({ address }: Instance): Record<"guarded" | "open", Door> {
  return {
    guarded: { address, port: recorded.guarded, tls: true },
    open: { address, port: recorded.public, tls: true },
  };
}

const get = ({ port }: Door, more: string) =>
  `GET /probe HTTP/1.1\r\nHost: localhost:${port}\r\n${more}Connection: close\r\n\r\n`;

async function recordings(instance: Instance, port: number): Promise<string[]> {
  const text = await instance.run("cat", recorderOf(port).file);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
