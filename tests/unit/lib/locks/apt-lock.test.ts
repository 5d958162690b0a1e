import assert from "node:assert/strict";
import { test } from "node:test";
import { readAptAnswer } from "../../../../lib/locks/apt-answer.ts";
import {
  type AptLock,
  aptLockOf,
  datedSince,
  fetchList,
  formatAptLock,
  lockedClosure,
  lockTextHash,
  parseAptLock,
} from "../../../../lib/locks/apt-lock.ts";

/** As `apt-cache show` and `apt-get --simulate` print them (apt 2.6 on Debian 12), by resolve-apt.sh. */
const stanza = (name: string, version: string, fields: readonly string[] = []) =>
  [
    `Package: ${name}`,
    `Version: ${version}`,
    ...fields,
    "Description: words",
    " Package: not a field",
    `Filename: pool/main/x/${name}/${name}_${version}_amd64.deb`,
    `SHA256: ${name.charCodeAt(0).toString(16).padStart(64, "0")}`,
  ].join("\n");
const answer = [
  "@unknown nonsense",
  "@base bash",
  "@install bash 5.2",
  "@install libc6 2.36",
  "@install python3 3.11",
  "@install mawk 1.3",
  stanza("bash", "5.2", ["Depends: awk (>= 1), original | mawk", "Pre-Depends: libc6 (>= 2.36)"]),
  "",
  stanza("libc6", "2.36"),
  "",
  stanza("libc6", "2.30"),
  "",
  stanza("python3", "3.11", ["Depends: libc6:any, gone | mawk"]),
  "",
  stanza("mawk", "1.3", ["Provides: awk (= 1.3)"]),
  "",
  "@gone old 1.0",
].join("\n");
const lock = readAptAnswer(answer, "bookworm", "20261201T000000Z");

test("what apt says becomes a lock: chosen versions alone, and what each needs of them", () => {
  assert.deepEqual([lock.unknown, lock.gone, lock.base], [["nonsense"], ["old 1.0"], ["bash"]]);
  assert.deepEqual(
    [...lock.packages.values()].map(({ name, version, needs }) => [name, version, ...needs]),
    [
      ["bash", "5.2", "libc6", "mawk"],
      ["libc6", "2.36"],
      ["python3", "3.11", "libc6", "mawk"],
      ["mawk", "1.3"],
    ],
  );
  assert.throws(
    () => readAptAnswer("@install bash 5.3\n", "bookworm", "20261201T000000Z"),
    /does not describe bash 5\.3/,
  );
});

test("a lock's text says the whole lock, and reads back", () => {
  const text = formatAptLock(lock);
  const read = parseAptLock(text, "lock");
  assert.equal(formatAptLock(read), text);
  assert.deepEqual(read.packages.get("python3"), lock.packages.get("python3"));
  const without = text.replace(/^libc6 .*\n/m, "");
  assert.throws(() => parseAptLock(without, "lock"), /lock: needs libc6, which it does not have/);
  assert.throws(
    () => parseAptLock(text.replace(/^(mawk 1\.3) \S+/m, "$1 abc"), "lock"),
    /without version, hash or path: mawk/,
  );
  assert.throws(() => parseAptLock(text.replace(/^date.*\n/m, ""), "lock"), /names no suite or date/);
});

test("a layer gets what it names with all that this needs, and nothing else; names that no lock has are told apart", () => {
  const { locked, unlocked } = lockedClosure(lock, ["python3", "own-package"]);
  assert.deepEqual(
    locked.map(({ name }) => name),
    ["libc6", "mawk", "python3"],
  );
  assert.deepEqual(unlocked, ["own-package"]);
  const list = fetchList(lock, locked).split("\n");
  assert.deepEqual(list.slice(0, 2), [
    "snapshot http://snapshot.debian.org/archive/debian/20261201T000000Z/",
    "snapshot http://snapshot.debian.org/archive/debian-security/20261201T000000Z/",
  ]);
  assert.match(list[2] ?? "", /^package libc6 2\.36 0{62}6c pool\/main\/x\/libc6\/libc6_2\.36_amd64\.deb$/);
  const noble: AptLock = { ...lock, suite: "noble" };
  assert.match(
    fetchList(noble, []),
    /^snapshot http:\/\/snapshot\.ubuntu\.com\/ubuntu\/20261201T000000Z\/\n$/,
  );
});

test("what has not moved keeps its date, and a layer names the newest of what it installs", () => {
  const later = "20270101T000000Z";
  const fixed = { ...(lock.packages.get("python3") ?? assert.fail()), version: "3.11.1" };
  const moved = datedSince(lock, {
    ...lock,
    date: later,
    packages: new Map([...lock.packages, ["python3", fixed]]),
  });
  const text = formatAptLock(moved);
  assert.match(text, /^date: 20270101T000000Z$/m);
  assert.match(text, /^mawk 1\.3 \S+ \S+ @20261201T000000Z$/m);
  assert.match(text, /^python3 3\.11\.1 \S+ \S+\.deb libc6 mawk$/m);
  const read = parseAptLock(text, "lock");
  assert.equal(formatAptLock(read), text);
  const listed = (name: string) => fetchList(read, lockedClosure(read, [name]).locked);
  assert.equal(listed("mawk"), fetchList(lock, lockedClosure(lock, ["mawk"]).locked));
  assert.match(listed("python3"), /^snapshot \S+\/debian\/20270101T000000Z\/$/m);
  // Where nothing moves, nothing of the text does.
  assert.equal(formatAptLock(datedSince(read, { ...moved, date: "20270202T000000Z" })), text);
  assert.equal(datedSince(undefined, lock).date, lock.date);
});

test("what stands in on this machine counts only as long as it stands in for the committed lock", () => {
  const [committed, today] = [formatAptLock(lock), formatAptLock({ ...lock, date: "20270101T000000Z" })];
  const dateOf = (local: Parameters<typeof aptLockOf>[2], text = committed) =>
    aptLockOf("base", text, local)?.date;
  assert.equal(dateOf({}), "20261201T000000Z");
  assert.equal(dateOf({ base: { committed: lockTextHash(committed), lock: today } }), "20270101T000000Z");
  assert.equal(
    dateOf({ base: { committed: lockTextHash("an older one"), lock: today } }),
    "20261201T000000Z",
  );
  assert.equal(dateOf({ base: { committed: lockTextHash(committed) } }), "20261201T000000Z");
  assert.equal(dateOf({}, ""), undefined);
});
