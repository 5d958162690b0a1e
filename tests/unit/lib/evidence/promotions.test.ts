import assert from "node:assert/strict";
import { test } from "node:test";
import {
  hasEntries,
  mergeEntries,
  type PromotionEntry,
  type Promotions,
  parsePromotions,
  planTagMove,
  promotionOf,
  type TagRequest,
  withEntries,
} from "../../../../lib/evidence/promotions.ts";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const [A, B, C, D] = [digest("a"), digest("b"), digest("c"), digest("d")];
const evidence = digest("e");
const at = "2026-11-21T12:00:00.000Z";
const entry = (to: string, more: Partial<PromotionEntry> = {}): PromotionEntry => ({
  digest: to,
  at,
  kind: "promotion",
  from: null,
  evidence,
  ...more,
});
const history = (...entries: PromotionEntry[]): Promotions => ({ schema: 1, tag: "latest", entries });
const wish = (to: string, kind: TagRequest["kind"] = "promotion"): TagRequest => ({
  digest: to,
  at,
  kind,
  evidence,
});

test("a new tag, and one that moves on", () => {
  assert.deepEqual(planTagMove(history(), undefined, wish(A)), { moves: true, entries: [entry(A)] });
  assert.deepEqual(planTagMove(history(entry(A)), A, wish(B)), {
    moves: true,
    entries: [entry(B, { from: A })],
  });
});

test("a tag that is there stays, and nothing is written", () => {
  assert.deepEqual(planTagMove(history(entry(A)), A, wish(A)), { moves: false, entries: [] });
});

test("a tag that moved before its run ended is written down, and not taken for somebody else's doing", () => {
  assert.deepEqual(planTagMove(history(entry(A)), B, wish(B)), {
    moves: false,
    entries: [entry(B, { from: A })],
  });
  assert.deepEqual(planTagMove(history(), A, wish(A)), { moves: false, entries: [entry(A)] });
});

test("a tag that somebody else moved is noticed and written down before it moves", () => {
  assert.deepEqual(planTagMove(history(entry(A)), C, wish(B)), {
    moves: true,
    elsewhere: C,
    entries: [entry(C, { kind: "elsewhere", from: A, evidence: null }), entry(B, { from: C })],
  });
  // Also one that was there before strata wrote anything down.
  assert.equal(planTagMove(history(), C, wish(B)).elsewhere, C);
});

test("a tag that is gone is made again", () => {
  assert.deepEqual(planTagMove(history(entry(A)), undefined, wish(A)), {
    moves: true,
    entries: [entry(A)],
  });
});

test("a promotion does not undo a rollback from the same digest; another digest, or a rollback forward, does", () => {
  const rolledBack = history(entry(A), entry(B, { from: A }), entry(A, { kind: "rollback", from: B }));
  assert.deepEqual(planTagMove(rolledBack, A, wish(B)), { moves: false, entries: [], held: true });
  assert.deepEqual(planTagMove(rolledBack, A, wish(C)), {
    moves: true,
    entries: [entry(C, { from: A })],
  });
  const forward = planTagMove(rolledBack, A, wish(B, "rollback"));
  assert.deepEqual(forward.entries, [entry(B, { kind: "rollback", from: A })]);
  assert.equal(planTagMove(withEntries(rolledBack, forward.entries), B, wish(B)).held, undefined);
});

test("a second rollback holds what the first one left too, until another digest is promoted", () => {
  const twice = history(
    entry(A),
    entry(B, { from: A }),
    entry(C, { from: B }),
    entry(B, { kind: "rollback", from: C }),
    entry(A, { kind: "rollback", from: B }),
  );
  for (const bad of [B, C]) assert.equal(planTagMove(twice, A, wish(bad)).held, true, bad);
  assert.equal(planTagMove(twice, A, wish(A)).held, undefined);
  const moved = withEntries(twice, planTagMove(twice, A, wish(D)).entries);
  for (const each of [A, B, C]) assert.equal(planTagMove(moved, D, wish(each)).moves, true, each);
  // What somebody else did in between is no promotion.
  const elsewhere = withEntries(twice, [
    entry(D, { kind: "elsewhere", from: A, evidence: null }),
    entry(A, { kind: "rollback", from: D }),
  ]);
  for (const bad of [B, C, D]) assert.equal(planTagMove(elsewhere, A, wish(bad)).held, true, bad);
});

test("a rollback forward forgives where it goes, and not what it leaves, and nothing else that is held", () => {
  const forward = history(
    entry(A),
    entry(B, { from: A }),
    entry(C, { from: B }),
    entry(B, { kind: "rollback", from: C }),
    entry(A, { kind: "rollback", from: B }),
    entry(C, { kind: "rollback", from: A }),
  );
  assert.deepEqual(planTagMove(forward, C, wish(A)), { moves: true, entries: [entry(A, { from: C })] });
  assert.equal(planTagMove(forward, C, wish(B)).held, true);
});

test("a rollback holds the tag only as long as nobody moves it elsewhere", () => {
  const rolledBack = history(entry(A), entry(B, { from: A }), entry(A, { kind: "rollback", from: B }));
  assert.deepEqual(planTagMove(rolledBack, C, wish(B)), {
    moves: true,
    elsewhere: C,
    entries: [entry(C, { kind: "elsewhere", from: A, evidence: null }), entry(B, { from: C })],
  });
});

test("a digest is found by its beginning, the newest entry of it, and only what was promoted", () => {
  const newest = entry(A, { at: "2026-11-22T00:00:00.000Z" });
  const list = history(
    entry(A),
    entry(C, { kind: "elsewhere", evidence: null }),
    entry(`sha256:ab${"0".repeat(62)}`),
    newest,
  );
  assert.deepEqual(promotionOf(list, "aaaa"), newest);
  assert.deepEqual(promotionOf(list, A), newest);
  assert.throws(() => promotionOf(list, "a"), /is the beginning of 2 digests\. List them: npm run rollback/);
  assert.throws(() => promotionOf(list, "c"), /was never promoted to latest/);
  for (const nothing of ["", "sha256:", "zz"]) assert.throws(() => promotionOf(list, nothing), /List them/);
});

test("one digest under several beginnings, the newest entry, and how many there are", () => {
  const old = entry(A);
  const newest = entry(A, { at: "2026-11-22T00:00:00.000Z" });
  assert.deepEqual(promotionOf(history(old, newest, entry(B)), "a"), newest);
  assert.throws(() => promotionOf(history(old, newest), "sha256:"), /was never promoted to latest/);
  assert.throws(() => promotionOf(history(old), "b"), /was never promoted to latest/);
});

test("a tag that is gone is no work of somebody else's", () => {
  assert.deepEqual(planTagMove(history(entry(A)), undefined, wish(B)), { moves: true, entries: [entry(B)] });
});

test("what is stored is read strictly", () => {
  const text = JSON.stringify(history(entry(A)));
  assert.deepEqual(parsePromotions(text, "r:t"), history(entry(A)));
  assert.throws(() => parsePromotions("{", "r:t"), /r:t: is no history of promotions/);
  assert.throws(() => parsePromotions(text.replace(A, "sha256:1"), "r:t"), /entries\.0\.digest/);
});

test("the oldest entries make room", () => {
  const many = Array.from({ length: 2000 }, () => entry(A));
  const { entries } = withEntries(history(entry(C), ...many.slice(1)), [entry(B)]);
  assert.equal(entries.length, 2000);
  assert.deepEqual([entries[0]?.digest, entries.at(-1)?.digest], [A, B]);
});

test("a history that somebody else wrote meanwhile has both, and ends where the tag is", () => {
  const base = history(entry(A));
  const ours = [entry(B, { from: A })];
  const theirs = history(entry(A), entry(C, { from: A }));
  const both = (...entries: PromotionEntry[]) => history(entry(A), ...entries);
  const c = entry(C, { from: A });
  assert.deepEqual(mergeEntries(theirs, base, ours, B), both(c, ...ours));
  assert.deepEqual(mergeEntries(theirs, base, ours, C), both(...ours, c));
  // Somewhere else: nobody who wrote was the last.
  assert.deepEqual(mergeEntries(theirs, base, ours, D), both(c, ...ours));
  // What is there is not written twice, and what was there before stays in its order.
  assert.deepEqual(mergeEntries(both(...ours, c), base, ours, A), both(...ours, c));
  assert.deepEqual(mergeEntries(history(), base, ours, B), history(...ours));
});

test("a history is complete with all of ours, and with the tag where its end says", () => {
  const base = history(entry(A));
  const [b, c] = [entry(B, { from: A }), entry(C, { from: A })];
  assert.equal(hasEntries(history(entry(A), b), base, [b], B), true);
  assert.equal(hasEntries(history(entry(A), c), base, [b], C), false);
  assert.equal(hasEntries(history(entry(A), c, b), base, [b], C), false, "theirs was the last");
  assert.equal(hasEntries(history(entry(A), b, c), base, [b], C), true);
  // The tag is where nobody since says: the next run notices it.
  assert.equal(hasEntries(history(entry(A), b), base, [b], D), true);
  assert.equal(hasEntries(history(entry(A), b), base, [b], A), true);
  assert.equal(hasEntries(history(entry(A), b), base, [b, c], B), false);
});
