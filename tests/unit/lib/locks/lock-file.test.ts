import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { UserErrors } from "../../../../errors.ts";
import {
  byName,
  contentHash,
  parseGeneratedLock,
  parseLockFile,
  parseLockJson,
} from "../../../../lib/locks/lock-file.ts";

const schema = z.strictObject({ entries: z.record(z.string(), z.int()) });
type Lock = z.infer<typeof schema>;
const sorted = ({ entries }: Lock) => ({ entries: byName(entries) });
const parse = (text: string) => parseGeneratedLock(schema, sorted, text, "locks/x.json", "npm run lock -- x");

test("what is not JSON is named with its file, the place in it and what to do", () => {
  assert.throws(
    () => parseLockFile(schema, '{\n  "entries": {},\n}', "locks/x.json"),
    /^UserError: locks\/x\.json: is not JSON: .*line 3 column 1.*\. Restore it with git\.$/,
  );
  assert.throws(
    () => parseLockJson("<<<<<<< HEAD\n", "x.json", "Ask again."),
    /x\.json: is not JSON: [\s\S]* Ask again\.$/,
  );
  assert.deepEqual(parseLockJson("[1]", "x.json"), [1]);
});

test("every field that is wrong is named; a lock that is no object at all by its file alone", () => {
  assert.throws(
    () => parseLockFile(schema, '{"entries": {"a": 1.5, "b": "2"}, "entrys": 1}', "locks/x.json"),
    (error: UserErrors) => {
      assert.deepEqual(error.errors.map(({ path }) => path).sort(), [
        "locks/x.json: entries.a",
        "locks/x.json: entries.b",
        "locks/x.json: entrys",
      ]);
      return true;
    },
  );
  assert.throws(
    () => parseLockFile(schema, "[]", "locks/x.json"),
    /^UserError: locks\/x\.json: expected object/,
  );
});

test("a generated lock is read in any order, and refused when anything in it was changed", () => {
  const content = contentHash(sorted({ entries: { b: 2, a: 1 } }));
  const lock = { content, entries: { b: 2, a: 1 } };
  assert.deepEqual(parse(JSON.stringify(lock)), { entries: { b: 2, a: 1 } });
  for (const edited of [
    { ...lock, entries: { a: 1 } },
    { ...lock, entries: { a: 1, b: 3 } },
    { ...lock, content: `sha256:${"0".repeat(64)}` },
  ]) {
    assert.throws(
      () => parse(JSON.stringify(edited)),
      /^UserError: locks\/x\.json: was edited by hand\. Run `npm run lock -- x`\.$/,
    );
  }
  assert.throws(() => parse('{"entries": {}}'), /locks\/x\.json: content: is missing/);
});

test("entries are sorted by name, as bytes: upper case first, whatever the language", () => {
  assert.deepEqual(Object.keys(byName({ b: 1, B: 2, ä: 3, a: 4 })), ["B", "a", "b", "ä"]);
  assert.equal(
    contentHash({ a: 1 }),
    `sha256:015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862`,
  );
});
