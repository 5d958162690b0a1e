import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { homeAt } from "../../../../home.ts";
import type { AptAnswer } from "../../../../lib/locks/apt-answer.ts";
import { type AptLock, formatAptLock, lockTextHash, parseAptLock } from "../../../../lib/locks/apt-lock.ts";
import { writeJson } from "../../../../tools/program/files.ts";
import {
  askedLately,
  forgetPackages,
  isMadeOf,
  packagesToUse,
} from "../../../../tools/setup/local-packages.ts";
import { temporaryFolder } from "../../support/folder.ts";

const entry = (version: string) => ({
  name: "libc6",
  version,
  sha256: "a".repeat(64),
  path: `pool/main/g/glibc/libc6_${version}_amd64.deb`,
  needs: [],
});
const lockOf = (version: string): AptLock => ({
  suite: "bookworm",
  date: "20261201T000000Z",
  base: ["libc6"],
  packages: new Map([["libc6", entry(version)]]),
});

/** A mirror that has version 2, and of the locked version 1 what `gone` leaves. */
async function usedWith(gone: readonly string[], committed = formatAptLock(lockOf("1"))) {
  const told: string[] = [];
  const asked: (readonly string[])[] = [];
  const used = await packagesToUse("mmdebstrap", "debian-bookworm", "bookworm", committed, {
    resolve: async (_program, _suite, names, before): Promise<AptAnswer> => {
      asked.push(names, [...(before?.packages.keys() ?? [])]);
      return { ...lockOf("2"), gone, unknown: [] };
    },
    tell: (line) => void told.push(line),
  });
  return { used, told, asked };
}

test("a lock counts as long as each package is to be had, although the mirror has newer ones", async () => {
  const { used, told, asked } = await usedWith([]);
  assert.equal(parseAptLock(used ?? "", "lock").packages.get("libc6")?.version, "1");
  assert.deepEqual([told, asked], [[], [["libc6"], ["libc6"]]]);
});

test("where one is nowhere, the mirror's of today stand in, and it is told why keys differ", async () => {
  const { used, told } = await usedWith(["libc6 1"]);
  assert.equal(parseAptLock(used ?? "", "lock").packages.get("libc6")?.version, "2");
  assert.match(
    told.join(),
    /1 of 1 in locks\/apt\/debian-bookworm\.txt are no longer .* \(libc6 1\): .* keys differ/,
  );
});

test("a base without a lock is asked for nothing", async () => {
  assert.deepEqual(await usedWith([], ""), { used: undefined, told: [], asked: [] });
});

test("a base is made anew once the lock moves, and what stands in goes when the base itself can be had", async (t) => {
  const home = homeAt(join(temporaryFolder(t), "home"));
  const name = "debian-bookworm";
  assert.equal(await isMadeOf(home, name, "a lock"), false);
  await writeJson(home.packages, { [name]: { committed: lockTextHash("a lock"), lock: "instead" } });
  assert.equal(await isMadeOf(home, name, "a lock"), true);
  assert.equal(await isMadeOf(home, name, "a newer one"), false);
  await forgetPackages(home, name);
  assert.equal(await isMadeOf(home, name, "a lock"), false);
});

test("the mirror is asked four times a day, and what it said counts for all clones until then", async (t) => {
  const path = join(temporaryFolder(t), "answers", "bookworm.json");
  let asked = 0;
  const at = (hours: number) =>
    askedLately(path, async () => `answer ${++asked}`, 1_795_000_000_000 + hours * 3_600_000);
  assert.equal(await at(0), "answer 1");
  assert.equal(await at(5.9), "answer 1");
  assert.equal(await at(6.1), "answer 2");
  // A clock that was set back.
  assert.equal(await at(0), "answer 3");
});
