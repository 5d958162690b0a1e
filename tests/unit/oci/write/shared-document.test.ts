import assert from "node:assert/strict";
import { test } from "node:test";
import { addToShared, type SharedDocument } from "../../../../oci/write/shared-document.ts";

/** Numbers from a seed, below one: the same each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Time that passes when everybody waits for it. */
function virtualTime() {
  const waiting: { at: number; go: () => void }[] = [];
  let now = 0;
  return {
    sleep: (milliseconds: number) =>
      new Promise<void>((resolve) => waiting.push({ at: now + milliseconds, go: resolve })),
    async run<T>(work: Promise<T>): Promise<T> {
      let isDone = false;
      const done = work.finally(() => {
        isDone = true;
      });
      while (!isDone) {
        await new Promise(setImmediate);
        const next = waiting.toSorted((a, b) => a.at - b.at)[0];
        if (!next || isDone) continue;
        waiting.splice(waiting.indexOf(next), 1);
        now = next.at;
        next.go();
      }
      return await done;
    },
  };
}

/** Some add to one list at the same time; each request takes up to 100 ms, and is done somewhere within. */
async function race(seed: number, writers: number, quietMs: number) {
  const random = numbers(seed);
  const { sleep, run } = virtualTime();
  let stored: readonly number[] = [];
  const request = async <T>(effect: () => T): Promise<T> => {
    const took = 100 * random();
    const first = took * random();
    await sleep(first);
    const result = effect();
    await sleep(took - first);
    return result;
  };
  const write = async (own: number) => {
    await sleep(200 * random());
    return await addToShared({
      read: () => request(() => ({ digest: stored.join(), list: stored })),
      has: ({ list }) => list.includes(own),
      write: ({ list }) =>
        request(() => {
          stored = [...list, own];
        }),
      settle: () => sleep(quietMs),
      stagger: (writes) => sleep(50 * writes * random()),
    });
  };
  const told = await run(Promise.all(Array.from({ length: writers }, (_, own) => write(own))));
  return { told, stored };
}

test("whatever the order of their requests, nobody's addition is lost without that being told", async () => {
  for (const writers of [2, 3, 4])
    for (let seed = 0; seed < 300; seed++) {
      const { told, stored } = await race(seed, writers, 200);
      for (const [own, isKept] of told.entries())
        assert.ok(!isKept || stored.includes(own), `seed ${seed}: ${own} of ${writers}, there are ${stored}`);
      if (writers === 2) assert.deepEqual(told, [true, true], `seed ${seed}`);
      assert.equal(new Set(stored).size, stored.length, `seed ${seed}: ${stored}`);
    }
});

test("who does not wait as long as others write does lose some", async () => {
  let lost = 0;
  for (let seed = 0; seed < 300; seed++) {
    const { told, stored } = await race(seed, 2, 0);
    if (told.some((isKept, own) => isKept && !stored.includes(own))) lost++;
  }
  assert.ok(lost > 0, "the race above shows nothing");
});

/** A document whose states are these, the last one for ever. */
function states(...all: { digest: string; mine: boolean }[]) {
  const did: string[] = [];
  const document: SharedDocument<{ digest: string; mine: boolean }> = {
    read: async () => (all.length > 1 ? all.shift() : all[0]) ?? assert.fail(),
    has: ({ mine }: { mine: boolean }) => mine,
    write: async () => void did.push("write"),
    settle: async () => void did.push("wait"),
    stagger: async () => void did.push("short"),
  };
  return { did, document };
}
const mine = (digest: string) => ({ digest, mine: true });
const others = { digest: "other", mine: false };

test("what is there is not written; what was added is seen twice in the same document", async () => {
  const there = states(mine("a"));
  assert.equal(await addToShared(there.document), true);
  assert.deepEqual(there.did, []);
  const added = states(others, mine("a"));
  assert.equal(await addToShared(added.document), true);
  assert.deepEqual(added.did, ["write", "wait"]);
  const moving = states(others, mine("a"), mine("b"), mine("c"));
  assert.equal(await addToShared(moving.document), true);
  assert.deepEqual(moving.did, ["write", "wait", "wait", "wait"]);
});

test("what others write over is written again, five times in all, and who never stops adding holds nobody", async () => {
  const over = states(others, mine("a"), others, mine("b"));
  assert.equal(await addToShared(over.document), true);
  assert.deepEqual(over.did.filter((what) => what !== "short").slice(0, 3), ["write", "wait", "write"]);
  const never = states(others);
  assert.equal(await addToShared(never.document), false);
  assert.equal(never.did.filter((what) => what === "write").length, 5);
  let count = 0;
  const busy = states(others, mine(""));
  busy.document.read = async () => (count++ === 0 ? others : mine(String(count)));
  assert.equal(await addToShared(busy.document), true);
});
