/** Two runs at the same moment: what one of them wrote over is there after its next run, whatever the order was. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Transport } from "../../../oci/access/transport.ts";
import { acceptEvidence } from "../../../tools/promotion/accepted-evidence.ts";
import { storedEvidence, storeEvidence } from "../../../tools/promotion/evidence-store.ts";
import { moveTag } from "../../../tools/promotion/move-tag.ts";
import { checksKey, daysAgo, evidenceFor } from "../../support/evidence.ts";
import { quickTransport } from "../oci/support/transport.ts";
import { promoting } from "./promotion/support/promoting.ts";

const terms = { checksKey, maxAgeDays: 30, host: "any" } as const;

/** Does `other` before the request number `turn` of `one`; false where `one` has fewer. */
async function interleaved(
  turn: number,
  one: (transport: Transport) => Promise<unknown>,
  other: () => Promise<unknown>,
): Promise<boolean> {
  const transport = quickTransport();
  const request = transport.request.bind(transport);
  let count = 0;
  transport.request = async (...asked) => {
    if (++count === turn) await other();
    return await request(...asked);
  };
  await one(transport);
  return count >= turn;
}

/** Every place that the second run can have in the first one. */
async function everyTurn(t: TestContext, race: (t: TestContext, turn: number) => Promise<boolean>) {
  let turns = 1;
  while (await race(t, turns)) turns++;
  assert.ok(turns > 5, `${turns} turns`);
}

test("two promotions of one tag: both are in its history, and its end is where the tag is", async (t) => {
  const made = await promoting(t);
  const images = [await made.image("first"), await made.image("second")] as const;
  await everyTurn(t, async (_, turn) => {
    const tag = `raced-${turn}`;
    const move = (index: 0 | 1, transport: Transport) => {
      const { reference, digest } = images[index];
      const at = new Date(Date.UTC(2026, 0, 1, 0, 0, index)).toISOString();
      const kind = "promotion";
      return moveTag(reference, tag, { digest, at, kind, evidence: null }, transport);
    };
    const goesOn = await interleaved(
      turn,
      (transport) => move(0, transport),
      () => move(1, quickTransport()),
    );
    const seen = await made.listing(tag);
    // The one who was slow may have written over the other's entry: the other's next run finds the tag where it is.
    if (seen.promotions.length < 2 && goesOn) await move(1, quickTransport());
    const { promotions, current, movedElsewhere } = await made.listing(tag);
    assert.equal(movedElsewhere, false, `turn ${turn}`);
    assert.equal(promotions[0]?.digest, current, `turn ${turn}`);
    if (goesOn) {
      const digests = new Set(promotions.map(({ digest }) => digest));
      assert.deepEqual(digests, new Set(images.map(({ digest }) => digest)), `turn ${turn}`);
    }
    return goesOn;
  });
});

test("two tests of one image: evidence that was written over is listed again before it moves a tag", async (t) => {
  const made = await promoting(t);
  let count = 0;
  await everyTurn(t, async (_, turn) => {
    const { reference } = await made.image(`tested-${turn}`);
    const [ours, theirs] = [1, 2].map((days) =>
      evidenceFor(reference, { startedAt: daysAgo(days), seconds: ++count }),
    );
    assert.ok(ours && theirs);
    const goesOn = await interleaved(
      turn,
      (transport) => storeEvidence(ours, transport),
      () => storeEvidence(theirs, quickTransport()),
    );
    if (!goesOn) return false;
    await acceptEvidence(reference, JSON.stringify(theirs), terms, quickTransport());
    const found = await storedEvidence(reference, quickTransport());
    assert.equal(found.length, 3, `turn ${turn}`);
    return true;
  });
});
