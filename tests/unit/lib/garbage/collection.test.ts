import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { collect, type NeededImages } from "../../../../lib/garbage/collection.ts";
import { type Contents, meaningOf, type StoredItem } from "../../../../lib/garbage/contents.ts";

const now = new Date("2026-11-29T12:00:00Z");
const old = new Date("2026-09-01T00:00:00Z");
const digest = (name: string) => `sha256:${Buffer.from(name).toString("hex").padEnd(64, "0")}`;
const listTag = (name: string) => digest(name).replace(":", "-");

function item(name: string, more: Partial<StoredItem> = {}): StoredItem {
  const blobs = new Map([[digest(`layer of ${name}`), 1_000]]);
  return { digest: digest(name), bytes: 10, blobs, children: [], subject: undefined, storedAt: old, ...more };
}

function contents(items: readonly StoredItem[], tags: Readonly<Record<string, string>>): Contents {
  return {
    tags: new Map(Object.entries(tags).map(([tag, name]) => [tag, digest(name)])),
    items: new Map(items.map((each) => [each.digest, each])),
  };
}

const nothing: NeededImages = { roots: [], namedTags: new Map(), days: 30, now };
const names = (judged: readonly { item: StoredItem }[]) =>
  judged
    .map(({ item: { digest: each } }) => Buffer.from(each.slice(7), "hex").toString().replaceAll("\0", ""))
    .sort();

test("what people's tags, kept tags and histories name stays, and working tags alone do not keep anything", () => {
  const all = ["a", "b", "c", "d", "e", "f"].map((name) => item(name));
  const { kept, removed } = collect(
    contents(all, {
      "studio-ada": "a",
      "keep-dev-torch": "b",
      "promotions-studio-ada": "c",
      "product-studio-0123": "d",
      "stage-torch-0123": "e",
      [`keep-${listTag("f")}`]: "f",
    }),
    nothing,
  );
  assert.deepEqual(names(kept), ["a", "b", "c"]);
  assert.deepEqual(names(removed), ["d", "e", "f"]);
});

test("a stack's state, a history and a plan keep what they name, and say so", () => {
  const all = ["a", "b", "c"].map((name) => item(name));
  const { kept } = collect(contents(all, { "stage-x-1": "a", "stage-x-2": "b", "product-x": "c" }), {
    ...nothing,
    roots: [
      { digest: digest("a"), reason: "stack dev" },
      { digest: digest("gone"), reason: "stack dev" },
    ],
    namedTags: new Map([["stage-x-2", "next update of dev"]]),
  });
  assert.deepEqual(
    kept.map(({ needed }) => needed),
    ["stack dev", "next update of dev"],
  );
});

test("of a compiler's cache stays what a plan wants and no other part holds; without a plan it has no need of its own", () => {
  const series = "cache-ccache-dlib-debian-bookworm";
  const tags = Object.fromEntries(
    ["a", "b", "c"].map((name, at) => [`${series}-${`${at}`.repeat(12)}`, name]),
  );
  const parts = contents([item("a"), item("b", { replaces: [digest("a")] }), item("c")], tags);
  const planned = { ...nothing, namedTags: new Map([[series, "next update of dev"]]) };
  assert.deepEqual(names(collect(parts, planned).kept), ["b", "c"]);
  assert.deepEqual(names(collect(parts, nothing).kept), []);
});

test("with an image stays what is about it, and what is about that, by subject and by list; with the image it goes", () => {
  const items = [
    item("image"),
    item("evidence", { subject: digest("image") }),
    item("list", { children: [digest("sbom"), digest("evidence")], blobs: new Map() }),
    item("sbom", { subject: digest("image") }),
    item("signature", { subject: digest("sbom") }),
    item("old signature"),
  ];
  const tags = { [listTag("image")]: "list", [`${listTag("image")}.sig`]: "old signature" };
  const needed = collect(contents(items, { ...tags, stable: "image" }), nothing);
  assert.deepEqual(needed.removed, []);
  const { kept, removed } = collect(contents(items, { ...tags, "product-x-1": "image" }), nothing);
  assert.deepEqual(kept, []);
  // What is about others first, and the image last: registries refuse to remove what another names.
  assert.equal(names(removed.slice(-1))[0], "image");
  assert.deepEqual(names(removed.slice(0, 2)), ["list", "old signature"]);
});

test("lists and artifacts have no age of their own: with an image that is gone they go however young", () => {
  const items = [
    item("list", { children: [digest("sbom")], storedAt: now }),
    item("sbom", { subject: digest("gone"), storedAt: now }),
  ];
  const { removed } = collect(contents(items, { [listTag("gone")]: "list" }), nothing);
  assert.deepEqual(names(removed), ["list", "sbom"]);
});

test("what nobody needs stays while it is young or of unknown age, and goes at once at 0 days", () => {
  const items = [
    item("new", { storedAt: new Date("2026-11-20T00:00:00Z") }),
    item("unknown", { storedAt: undefined }),
    item("part of new", { storedAt: undefined }),
    item("old"),
  ];
  const [first, ...rest] = items;
  assert.ok(first);
  const stored = contents([{ ...first, children: [digest("part of new")] }, ...rest], {
    "stage-a-1": "new",
    "stage-b-1": "unknown",
    "stage-c-1": "old",
  });
  assert.deepEqual(names(collect(stored, nothing).removed), ["old"]);
  assert.deepEqual(collect(stored, { ...nothing, days: 0 }).kept, []);
});

test("a cache stays where a stack names it, and only there", () => {
  const tags = { "cache-t-1": "used", "cache-t-2": "former" };
  const namedTags = new Map([["cache-t-1", "stack dev"]]);
  const stored = contents([item("used"), item("former")], tags);
  assert.deepEqual(names(collect(stored, { ...nothing, namedTags }).kept), ["used"]);
});

test("freed is what nothing kept shares: a layer of two images counts for none while one stays", () => {
  const shared: [string, number] = [digest("shared"), 5_000];
  const items = [
    item("a", { blobs: new Map([shared, [digest("own"), 300]]) }),
    item("b", { blobs: new Map([shared, [digest("other"), 20]]) }),
  ];
  const { keptBytes, freedBytes } = collect(contents(items, { stable: "a", "stage-b-1": "b" }), nothing);
  assert.deepEqual([keptBytes, freedBytes], [5_310, 30]);
});

test("whatever a repository holds, what is needed keeps its parts and what is about it, and nothing is lost or twice", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e", "f", "g");
  const made = fc.record({
    children: fc.uniqueArray(name, { maxLength: 2 }),
    subject: fc.option(name, { nil: undefined }),
    storedAt: fc.constantFrom(old, now, undefined),
  });
  const tag = fc.constantFrom(
    "stable",
    "stage-x-1",
    "cache-x-1",
    "product-y-1",
    "keep-dev-x",
    listTag("a"),
    "promotions-t",
  );
  fc.assert(
    fc.property(
      fc.dictionary(name, made),
      fc.dictionary(tag, name),
      fc.constantFrom(0, 30),
      (all, tags, days) => {
        const items = Object.entries(all).map(([each, { children, subject, storedAt }]) =>
          item(each, { children: children.map(digest), subject: subject && digest(subject), storedAt }),
        );
        const stored = contents(items, tags);
        const { kept, removed } = collect(stored, { ...nothing, days });
        assert.equal(kept.length + removed.length, items.length);
        const stays = new Set(kept.map((each) => each.item.digest));
        for (const { item: each, tags: own } of kept) {
          for (const child of each.children) assert.ok(!stored.items.has(child) || stays.has(child));
          for (const other of items) if (other.subject === each.digest) assert.ok(stays.has(other.digest));
          assert.ok(own.every((mine) => stored.tags.get(mine) === each.digest));
        }
        for (const { tags: own } of removed)
          assert.ok(own.every((mine) => !["user", "kept", "history"].includes(meaningOf(mine).kind)));
      },
    ),
  );
});
