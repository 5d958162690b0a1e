import assert from "node:assert/strict";
import { test } from "node:test";
import { compareContents, compareMembers, type TarMember } from "../../../../lib/reproduction/members.ts";

const member = (path: string, more: Partial<TarMember> = {}): TarMember => ({
  path,
  type: "file",
  size: 4,
  mode: 0o644,
  owner: "0:0",
  seconds: 315_532_800,
  sha256: "a",
  ...more,
});
const told = (before: readonly TarMember[], after: readonly TarMember[]) =>
  compareMembers(before, after).map(({ path, aspects, detail }) => [path, aspects.join(" "), detail]);

test("members that are the same differ in nothing", () => {
  assert.deepEqual(compareMembers([member("a"), member("b")], [member("a"), member("b")]), []);
});

test("what is gone, what is new and what is another kind is told by path, in order", () => {
  assert.deepEqual(
    told(
      [member("b"), member("z")],
      [member("a"), member("z", { type: "symlink", sha256: "a", target: "b" })],
    ),
    [
      ["a", "new", undefined],
      ["b", "missing", undefined],
      ["z", "type target", "type file and symlink; target  and b"],
    ],
  );
});

test("each thing that a digest hangs on is told with what it was and is", () => {
  const cases: readonly [Partial<TarMember>, string, string | undefined][] = [
    [{ sha256: "b" }, "bytes", undefined],
    [{ sha256: "b", size: 5 }, "bytes", "4 and 5 bytes"],
    [{ mode: 0o4755 }, "mode", "mode 0644 and 4755"],
    [{ owner: "1:0" }, "owner", "owner 0:0 and 1:0"],
    [{ seconds: 315_532_801.5 }, "time", "time 1980-01-01T00:00:00Z and 1980-01-01T00:00:01.500Z"],
    [{ attributes: '[["user.a","1"]]' }, "attributes", 'attributes  and [["user.a","1"]]'],
  ];
  for (const [more, aspect, detail] of cases)
    assert.deepEqual(told([member("a")], [member("a", more)]), [["a", aspect, detail]]);
});

test("another order in the tar is told once, by the first that is out of place", () => {
  const [a, b, c] = [member("a"), member("b"), member("c")];
  assert.deepEqual(told([a, b, c], [a, c, b]), [["b", "place", "then comes c"]]);
  // What is new moves nothing.
  assert.deepEqual(told([a, c], [a, b, c]), [["b", "new", undefined]]);
});

test("of a text the first line that differs, of the same lines that their order does, of bytes the place", () => {
  const of = (a: string, b: string) => compareContents(Buffer.from(a), Buffer.from(b));
  assert.deepEqual(of("one\ntwo\n", "one\n2\n"), { aspects: ["bytes"], detail: 'line 2: "two" and "2"' });
  assert.deepEqual(of("one\ntwo\n", "two\none\n"), { aspects: ["lines"], detail: 'line 1: "one" and "two"' });
  assert.deepEqual(of("one", "one\n"), { aspects: ["bytes"], detail: 'line 2: "" and ""' });
  assert.deepEqual(of("ab\0c", "ab\0d"), { aspects: ["bytes"], detail: "from byte 3 on" });
  assert.match(of("x".repeat(99), "y").detail ?? "", /^line 1: "x{60}…" and "y"$/);
});
