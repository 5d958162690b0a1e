/** A registry may look at every byte of 10 GB before it answers: how long it is waited for, by a clock that is turned. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { digestOf } from "../../../../oci/blob-digest.ts";
import { ensureBlob } from "../../../../oci/write/upload.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const bytes = Buffer.from("0123456789");
const blob = { mediaType: "m", digest: digestOf(bytes), size: bytes.length };

/** Uploads a blob, and hands over the commit's answer when the registry has been asked for it. */
async function committing(t: TestContext) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = new EventTarget();
  let answer: ServerResponse | undefined;
  registry.intercept = (request, response) => {
    if (request.method !== "PUT") return false;
    answer = response;
    asked.dispatchEvent(new Event("commit"));
    return true;
  };
  const [host, repository] = [registry.host, REPOSITORY];
  const commit = once(asked, "commit");
  const sending = ensureBlob(quickTransport(1), { registry: host, repository }, blob, {
    read: async function* () {
      yield bytes;
    },
  });
  await commit;
  return { sending, answer: () => answer ?? assert.fail(), turn: (ms: number) => t.mock.timers.tick(ms) };
}

test("a commit that takes ten minutes is waited for", async (t) => {
  const { sending, answer, turn } = await committing(t);
  for (const _ of Array(599)) turn(1000);
  answer().writeHead(201).end();
  assert.equal(await sending, "sent");
});

test("a registry that says nothing for longer than that has gone away", async (t) => {
  const { sending, turn } = await committing(t);
  const told = assert.rejects(sending, /does not answer \(ETIMEDOUT\)/);
  turn(600_001);
  await told;
});
